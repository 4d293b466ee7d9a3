#include "explicit_rk/tableaus.hpp"

namespace turnpike::tableaus {

//  0 |
// ---+---
//    | 1
//
// X⁺ = X + h F(X, u): the residual layer (1) for h = 1. Its fixed points are the zeros of F.
ButcherTableau explicit_euler() {
  return {.name = "explicit-euler",
          .source = "Euler 1768; HNW I.7 (7.1)",
          .order = 1,
          .A = {{0}},
          .b = {1},
          .c = {0}};
}

//   0 |
// 1/2 | 1/2
// ----+---------
//     |  0    1
ButcherTableau explicit_midpoint() {
  return {.name = "explicit-midpoint",
          .source = "Runge 1895; HNW II.1 (1.4)",
          .order = 2,
          .A = {{0, 0}, {0.5, 0}},
          .b = {0, 1},
          .c = {0, 0.5},
          .spurious_from = 2.0};
}

// 0 |
// 1 |  1
// --+---------
//   | 1/2  1/2
ButcherTableau heun() {
  return {.name = "heun",
          .source = "Heun 1900, the explicit trapezoidal rule; HNW II.1 Table 1.1",
          .order = 2,
          .A = {{0, 0}, {1, 0}},
          .b = {0.5, 0.5},
          .c = {0, 1},
          .spurious_from = 2.0};
}

//   0 |
//   1 |  1
// 1/2 | 1/4  1/4
// ----+--------------
//     | 1/6  1/6  2/3
ButcherTableau ssprk3() {
  return {.name = "ssprk3",
          .source = "Shu, Osher 1988, J. Comput. Phys. 77, (2.18)",
          .order = 3,
          .A = {{0, 0, 0}, {1, 0, 0}, {0.25, 0.25, 0}},
          .b = {1.0 / 6, 1.0 / 6, 2.0 / 3},
          .c = {0, 1, 0.5},
          .spurious_from = 2.0};
}

//   0 |
// 1/2 | 1/2
//   1 | -1    2
// ----+--------------
//     | 1/6  2/3  1/6
ButcherTableau kutta3() {
  return {.name = "kutta3",
          .source = "Kutta 1901; Butcher, Numerical Methods for Ordinary Differential Equations, 233",
          .order = 3,
          .A = {{0, 0, 0}, {0.5, 0, 0}, {-1, 2, 0}},
          .b = {1.0 / 6, 2.0 / 3, 1.0 / 6},
          .c = {0, 0.5, 1},
          .spurious_from = 2.0};
}

//   0 |
// 1/2 | 1/2
// 1/2 |  0   1/2
//   1 |  0    0    1
// ----+-------------------
//     | 1/6  1/3  1/3  1/6
ButcherTableau rk4() {
  return {.name = "rk4",
          .source = "Kutta 1901; HNW II.1 Table 1.2, left",
          .order = 4,
          .A = {{0, 0, 0, 0}, {0.5, 0, 0, 0}, {0, 0.5, 0, 0}, {0, 0, 1, 0}},
          .b = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6},
          .c = {0, 0.5, 0.5, 1},
          .spurious_from = 2.7};
}

//   0 |
// 1/3 |  1/3
// 2/3 | -1/3   1
//   1 |   1   -1    1
// ----+-------------------
//     |  1/8  3/8  3/8  1/8
ButcherTableau three_eighths() {
  return {.name = "three-eighths",
          .source = "Kutta 1901; HNW II.1 Table 1.2, right",
          .order = 4,
          .A = {{0, 0, 0, 0}, {1.0 / 3, 0, 0, 0}, {-1.0 / 3, 1, 0, 0}, {1, -1, 1, 0}},
          .b = {0.125, 0.375, 0.375, 0.125},
          .c = {0, 1.0 / 3, 2.0 / 3, 1},
          .spurious_from = 2.7};
}

}  // namespace turnpike::tableaus
