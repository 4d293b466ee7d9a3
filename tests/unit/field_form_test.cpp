#include <doctest/doctest.h>

#include <memory>

#include "turnpike/change_bound.hpp"
#include "turnpike/error.hpp"
#include "turnpike/exact_tail.hpp"
#include "turnpike/gradient_check.hpp"

namespace turnpike {
namespace {

/// A user's own field, Ẋ = b 1ᵀ, which has no form.
class Drift : public VectorField<double> {
 public:
  [[nodiscard]] Index state_dimension() const override { return 2; }
  [[nodiscard]] const ControlLayout& layout() const override { return layout_; }
  [[nodiscard]] Index record_size(Index /*columns*/) const override { return 0; }
  [[nodiscard]] Index scratch_size(Index /*columns*/) const override { return 0; }
  void evaluate(const double* u, ConstTile<double> /*X*/, Tile<double> Xdot, double* /*record*/,
                double* /*scratch*/) const override {
    matrix(Xdot).colwise() = Eigen::Map<const Eigen::Vector2d>(u);
  }
  void pull_back(const double* /*u*/, const double* /*record*/, ConstTile<double> Lambda, Tile<double> Xbar,
                 double* ubar, double* /*scratch*/) const override {
    if (Xbar.data != nullptr) {
      matrix(Xbar).setZero();
    }
    if (ubar != nullptr) {
      Eigen::Map<Eigen::Vector2d>(ubar) += matrix(Lambda).rowwise().sum();
    }
  }
  void apply(const double* /*u*/, const double* /*record*/, ConstTile<double> /*V*/, Tile<double> JV,
             double* /*scratch*/) const override {
    matrix(JV).setZero();
  }

 private:
  ControlLayout layout_{{{.name = "b", .rows = 2, .columns = 1, .vector = true}}};
};

/// One that claims a form whose control it has not.
class Pretender final : public Drift {
 public:
  [[nodiscard]] std::optional<FieldForm> form() const override { return FieldForm{}; }
};

ProblemDefinition<double> drift_problem() {
  ProblemDefinition<double> definition;
  definition.field = std::make_shared<Drift>();
  definition.grid = TimeGrid::uniform(3, 3.0);
  definition.integrator = builtin_integrators().make<double>("explicit-euler", {});
  definition.running = make_soft_cross_entropy<double>({0, 1}, 0.9);
  definition.active_intervals = 1;
  return definition;
}

Dataset<double> two_samples() {
  Dataset<double> data;
  data.features = State<double>::Identity(2, 2);
  data.labels = {0, 1};
  data.classes = {"first", "second"};
  return data;
}

TEST_CASE("the two fields name their layers") {
  const auto single = make_single_layer_field<double>(2, Activation::relu)->form();
  REQUIRE(single);
  CHECK_FALSE(single->hidden);
  CHECK(single->output == Activation::relu);
  const auto two = make_two_layer_field<float>(2, 3, Activation::tanh, Activation::softsign)->form();
  REQUIRE(two);
  CHECK(two->hidden == Activation::tanh);
  CHECK(two->output == Activation::softsign);
}

TEST_CASE("a form that the control's blocks do not bear out is refused") {
  CHECK_THROWS_WITH_AS(
      (void)demand_form(Pretender(), "a bound"),
      "a bound needs a control of A (2×2), b (2×1) for the form that the field names, but the field's has b "
      "(2×1); mend its layout, or name no form in VectorField::form",
      InputError);
  CHECK_NOTHROW((void)demand_form(*make_single_layer_field<double>(2, Activation::relu), "a bound"));
  CHECK_NOTHROW((void)demand_form(*make_two_layer_field<double>(2, 5, Activation::tanh), "a bound"));
}

TEST_CASE("a user's own field trains, and is refused by name where its layers have to be known") {
  const ProblemDefinition<double> definition = drift_problem();
  OptimalControlProblem<double> problem(definition, two_samples());
  const Control<double> u = problem.zero_control();
  CHECK(check_gradient(problem, u, {}).passed);

  const auto refused = [](const char* purpose, const auto& call) {
    try {
      call();
      FAIL_CHECK("not refused");
    } catch (const InputError& error) {
      CHECK(std::string(error.what()).rfind(purpose, 0) == 0);
      CHECK(std::string(error.what()).find("VectorField::form") != std::string::npos);
    }
  };
  refused("the tail test", [&] { (void)test_tail(problem, u); });
  refused("a watch over kinks", [&] {
    ProblemDefinition<double> watched = definition;
    const KinkWatch watch(watched);
  });
  refused("a bound of the change", [&] {
    ChangeBoundNetwork network;
    network.tableau = {"explicit-euler", "", 1, {{0}}, {1}, {0}};
    network.components = {0, 1};
    (void)ChangeBound(*definition.field, u, network);
  });
}

}  // namespace
}  // namespace turnpike
