#include "implicit_rk/tableaus.hpp"

#include <cmath>

namespace turnpike::tableaus {

// 1 | 1
//     1
ButcherTableau implicit_euler() {
  ButcherTableau t;
  t.name = "implicit-euler";
  t.source = "HW p. 3";
  t.order = 1;
  t.A = {{1}};
  t.b = {1};
  t.c = {1};
  return t;
}

// 1/2 | 1/2
//       1
ButcherTableau implicit_midpoint() {
  ButcherTableau t;
  t.name = "implicit-midpoint";
  t.source = "HW p. 71 (Gauss, s = 1)";
  t.order = 2;
  t.A = {{0.5}};
  t.b = {1};
  t.c = {0.5};
  return t;
}

// 0 | 0    0
// 1 | 1/2  1/2
//     1/2  1/2
ButcherTableau trapezoidal() {
  ButcherTableau t;
  t.name = "trapezoidal";
  t.source = "HW p. 75 (Lobatto IIIA, s = 2)";
  t.order = 2;
  t.A = {{0, 0}, {0.5, 0.5}};
  t.b = {0.5, 0.5};
  t.c = {0, 1};
  return t;
}

// With γ = 1 − √2/2 (L-stable):
// γ | γ      0
// 1 | 1 − γ  γ
//     1 − γ  γ
ButcherTableau sdirk2() {
  const double gamma = 1 - std::sqrt(0.5);
  ButcherTableau t;
  t.name = "sdirk2";
  t.source = "Alexander, SIAM J. Numer. Anal. 14 (1977), p. 1012";
  t.order = 2;
  t.A = {{gamma, 0}, {1 - gamma, gamma}};
  t.b = {1 - gamma, gamma};
  t.c = {gamma, 1};
  t.spurious_from = 11.65;  // R(z) = 1 at z = 1/γ², where the field expands
  return t;
}

// With γ the root of γ³ − 3γ² + 3γ/2 − 1/6 in (1/6, 1/2) (L-stable) and
// b₁ = −(6γ² − 16γ + 1)/4, b₂ = (6γ² − 20γ + 5)/4:
// γ         | γ
// (1 + γ)/2 | (1 − γ)/2  γ
// 1         | b₁         b₂  γ
//             b₁         b₂  γ
ButcherTableau sdirk3() {
  const double gamma = 0.43586652150845899942;
  const double b1 = -(6 * gamma * gamma - 16 * gamma + 1) / 4;
  const double b2 = (6 * gamma * gamma - 20 * gamma + 5) / 4;
  ButcherTableau t;
  t.name = "sdirk3";
  t.source = "Alexander, SIAM J. Numer. Anal. 14 (1977), p. 1012";
  t.order = 3;
  t.A = {{gamma, 0, 0}, {(1 - gamma) / 2, gamma, 0}, {b1, b2, gamma}};
  t.b = {b1, b2, gamma};
  t.c = {gamma, (1 + gamma) / 2, 1};
  t.spurious_from = 1.45;  // 1 + (1/2 − 3γ) z + γ³ z² = 0, that is R(z) = 1, where the field expands
  return t;
}

// 1/2 − √3/6 | 1/4         1/4 − √3/6
// 1/2 + √3/6 | 1/4 + √3/6  1/4
//              1/2         1/2
ButcherTableau gauss4() {
  const double w = std::sqrt(3.0) / 6;
  ButcherTableau t;
  t.name = "gauss4";
  t.source = "HW p. 71 (Gauss, s = 2)";
  t.order = 4;
  t.A = {{0.25, 0.25 - w}, {0.25 + w, 0.25}};
  t.b = {0.5, 0.5};
  t.c = {0.5 - w, 0.5 + w};
  return t;
}

// (4 − √6)/10 | (88 − 7√6)/360      (296 − 169√6)/1800  (−2 + 3√6)/225
// (4 + √6)/10 | (296 + 169√6)/1800  (88 + 7√6)/360      (−2 − 3√6)/225
// 1           | (16 − √6)/36        (16 + √6)/36        1/9
//               (16 − √6)/36        (16 + √6)/36        1/9
ButcherTableau radau5() {
  const double w = std::sqrt(6.0);
  ButcherTableau t;
  t.name = "radau5";
  t.source = "HW p. 74 (Radau IIA, s = 3)";
  t.order = 5;
  t.A = {{(88 - 7 * w) / 360, (296 - 169 * w) / 1800, (-2 + 3 * w) / 225},
         {(296 + 169 * w) / 1800, (88 + 7 * w) / 360, (-2 - 3 * w) / 225},
         {(16 - w) / 36, (16 + w) / 36, 1.0 / 9}};
  t.b = {(16 - w) / 36, (16 + w) / 36, 1.0 / 9};
  t.c = {(4 - w) / 10, (4 + w) / 10, 1};
  t.spurious_from = 7.74;  // R(z) = 1 at z = 3 ± i√51, where the field expands
  return t;
}

}  // namespace turnpike::tableaus
