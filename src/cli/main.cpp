#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "cli/memory_limit.hpp"
#include "cli/plugins.hpp"
#include "cli/tell.hpp"
#include "turnpike/error.hpp"

namespace {

using turnpike::InputError;
namespace cli = turnpike::cli;

/// A check of a flag that names a file or directory.
auto path_of(const char* flag) {
  return [flag](const std::string& path) {
    return path.empty() ? fmt::format("give a path, or leave {} unset", flag) : std::string();
  };
}

void add_overrides(CLI::App& command, cli::Overrides& overrides, bool data) {
  if (data) {
    command
        .add_option("--data", overrides.data,
                    "The samples: a CSV file whose last column is the class, MNIST's directory, or an IDX "
                    "file of images")
        ->check(path_of("--data"));
  }
  command
      .add_option("--integrator", overrides.integrator,
                  "Scheme by name, with options of its own only; see `turnpike integrators`")
      ->check([](const std::string& name) {
        return name.empty() ? std::string("give a scheme's name; `turnpike integrators` lists them")
                            : std::string();
      });
  command
      .add_option(
          "--adjoint", overrides.adjoint,
          "discrete, the derivative of the computed objective, or continuous, where the scheme has both")
      ->check(CLI::IsMember({"discrete", "continuous"}));
  command
      .add_option("--set", overrides.keys,
                  "Configuration key as section.key=value, repeatable; see `turnpike train --help-keys`")
      ->take_all()
      ->expected(1);
  command.add_option("--threads", overrides.threads, "Number of threads; never changes a result")
      ->check(CLI::Range(1, 1024));
}

/// A sentence for arguments that no option took.
[[noreturn]] void reject_unknown(const CLI::App& command, const std::vector<std::string>& unknown) {
  const bool top = command.get_parent() == nullptr;
  const std::string place = top ? "turnpike" : "turnpike " + command.get_name();
  const std::string& first = unknown.front();
  std::vector<std::string> known;
  if (first.rfind('-', 0) == 0) {
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) {
        known.push_back("--" + name);
      }
    }
    const std::string flag = first.substr(0, first.find('='));
    throw InputError(
        fmt::format("unknown flag '{}' of `{}`{}", flag, place, turnpike::suggest_name(flag, known)));
  }
  if (!top) {
    throw InputError(
        fmt::format("`{}` has no use for the argument '{}'; see `{} --help`", place, first, place));
  }
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
    known.push_back(sub->get_name());
  }
  throw InputError(fmt::format("unknown command '{}'{}", first, turnpike::suggest_name(first, known)));
}

int run(int argc, char** argv) {
  CLI::App app("Trains ResNets and neural ODEs as optimal control problems and measures their turnpike.",
               "turnpike");
  app.set_version_flag("--version", "turnpike " TURNPIKE_VERSION);
  app.allow_extras();
  turnpike::IntegratorRegistry integrators = turnpike::builtin_integrators();
  std::vector<std::string> plugins;
  std::vector<std::pair<CLI::App*, std::function<int()>>> commands;
  const auto command = [&](const char* name, const char* text, std::function<int()> action) {
    CLI::App* sub = app.add_subcommand(name, text);
    sub->allow_extras();
    sub->add_option("--plugin", plugins, "Shared object with integrators of your own, repeatable")
        ->take_all()
        ->expected(1);
    commands.emplace_back(sub, std::move(action));
    return sub;
  };

  cli::TrainOptions train;
  CLI::App* sub = command("train", "Trains, measures and writes a run directory", [&] {
    train.plugins = plugins;
    return cli::train(train, integrators);
  });
  sub->add_option("SOURCE", train.source,
                  fmt::format("{} (csv, mnist and idx with --data), or a CONFIG.toml",
                              fmt::join(turnpike::recipe_names(), ", ")));
  sub->add_option("--out", train.out, "Run directory; unset for a new one under runs/")
      ->check(path_of("--out"));
  sub->add_flag("--json", train.json, "Print the summary as JSON");
  sub->add_flag("--help-keys", train.help_keys, "List every configuration key with its range and default");
  add_overrides(*sub, train.overrides, true);

  const char* const moved = "Where the run's samples have moved to; they must be the same";
  cli::ResumeOptions resume;
  sub = command("resume", "Goes on with a run from its last checkpoint", [&] {
    resume.plugins = plugins;
    return cli::resume(resume, integrators);
  });
  sub->add_option("DIR", resume.run, "Run directory")->required();
  sub->add_option("--data", resume.data, moved)->check(path_of("--data"));
  sub->add_flag("--json", resume.json, "Print the summary as JSON");
  sub->add_option("--threads", resume.threads, "Number of threads; never changes a result")
      ->check(CLI::Range(1, 1024));

  cli::EvaluateOptions evaluate;
  sub = command("evaluate",
                "Objective, loss and accuracy of a model, also on other data or with another scheme",
                [&] { return cli::evaluate(evaluate, integrators); });
  sub->add_option("MODEL", evaluate.model, "Model file or run directory")->required();
  sub->add_option("--predictions", evaluate.predictions, "CSV file to write each sample's classes to")
      ->check(path_of("--predictions"));
  sub->add_flag("--json", evaluate.json, "Print the result as JSON");
  add_overrides(*sub, evaluate.overrides, true);

  cli::DiagnoseOptions diagnose;
  sub = command(
      "diagnose",
      "Where the turnpike is: a table of layers, Q_ε and Θ_ε measured and certified, dissipation slack",
      [&] { return cli::diagnose(diagnose, integrators); });
  sub->add_option("DIR", diagnose.model, "Run directory or model file; may be left out with --table1");
  CLI::Option* const table_1 = sub->add_flag(
      "--table1", diagnose.table_1,
      "Instead: which stage costs are strictly dissipative (Table 1 of the paper), by computation");
  sub->add_option("--epsilon", diagnose.epsilon, "Distance ε that counts as on the turnpike")
      ->capture_default_str()
      ->excludes(table_1);
  sub->add_flag("--json", diagnose.json, "Print the result as JSON");
  add_overrides(*sub, diagnose.overrides, true);

  cli::CropOptions crop;
  sub = command("crop", "What dropping the last layers costs, depth by depth, and the shorter model",
                [&] { return cli::crop(crop, integrators); });
  sub->add_option("MODEL", crop.model, "Model file or run directory")->required();
  sub->add_option("--out", crop.out, "Model file to write; unset for the depths alone")
      ->check(path_of("--out"));
  sub->add_option("--depth", crop.depth, "Layers to keep, from 0 to all");
  sub->add_option("--tolerance", crop.tolerance,
                  "Keep the fewest layers that lose at most this share of accuracy, 0.001 unless set, on "
                  "training and test samples");
  sub->add_option(
      "--certified", crop.certified,
      "Keep the fewest layers after which the loss components are proved to change by at most this");
  sub->add_flag("--json", crop.json, "Print the result as JSON");
  add_overrides(*sub, crop.overrides, true);

  cli::CompareOptions comparison;
  sub = command("compare", "Schemes side by side: errors of state, cost and gradient, and time",
                [&] { return cli::compare(comparison, integrators); });
  sub->add_option("SUBJECT", comparison.subject, "Model file, run directory, or a source as for train")
      ->capture_default_str();
  sub->add_option("--integrators", comparison.integrators,
                  "Schemes separated by commas, with options behind colons: explicit-euler,rk4:substeps=16");
  sub->add_flag("--work-precision", comparison.work_precision,
                "Run each over a ladder of steps, or of tolerances where it has one; observed orders");
  sub->add_flag("--train", comparison.train,
                "Train with each for the configured epochs, run each control with every scheme and refined");
  sub->add_option("--over", comparison.over,
                  "Repeat for several values of a configuration key: control.stiffness=3,30,300")
      ->check([](const std::string& over) {
        return over.empty() ? std::string("write section.key=number,number,…, or leave --over unset")
                            : std::string();
      });
  sub->add_option("--out", comparison.out, "New directory for comparison.json, report.html and figures/")
      ->check(path_of("--out"));
  sub->add_flag("--json", comparison.json, "Print the result as JSON");
  add_overrides(*sub, comparison.overrides, true);

  cli::StudyOptions study;
  sub = command(
      "study",
      "Ladders of trainings over N or T, r, gamma, p_d, or one over its epochs: what the turnpike does",
      [&] { return cli::study(study, integrators); });
  sub->add_option(
         "WHAT", study.kind,
         "horizon (N, or T where control.horizon is set), r, gamma, p_d, or optimality: one training over "
         "its epochs")
      ->required();
  sub->add_option("SOURCE", study.source, "As for train")->required();
  sub->add_option(
         "--values", study.values,
         "Increasing numbers separated by commas, added to those in --out; unset for the study's own")
      ->check([](const std::string& values) {
        return values.empty() ? std::string("write numbers separated by commas, or leave --values unset")
                              : std::string();
      });
  sub->add_option("--seeds", study.seeds, "Seeds of each value, from 1 on, 5 unless --out has others")
      ->check(CLI::Range(1, 1000));
  sub->add_option("--epsilon", study.epsilon, "Distance ε that counts as on the turnpike")
      ->capture_default_str();
  sub->add_flag("--warm", study.warm, "Each value starts from the trained control of the one before");
  sub->add_option(
         "--out", study.out,
         "Directory for study.json, models/, figures/ and report.html; of the same study to go on or add")
      ->required()
      ->check(path_of("--out"));
  sub->add_flag("--json", study.json, "Print the result as JSON");
  add_overrides(*sub, study.overrides, true);

  cli::CheckGradientOptions check;
  sub = command("check-gradient", "Compares the gradient with differences of the objective",
                [&] { return cli::check_gradient(check, integrators); });
  sub->add_option("SUBJECT", check.subject, "Model file, run directory, or a source as for train")
      ->capture_default_str();
  sub->add_option("--export", check.export_file, "Safetensors file for objective, gradient and control")
      ->check(path_of("--export"));
  sub->add_option("--export-data", check.export_data, "CSV file for the samples used")
      ->check(path_of("--export-data"));
  sub->add_flag("--json", check.json, "Print the result as JSON");
  add_overrides(*sub, check.overrides, true);

  cli::CheckIntegratorOptions conformance;
  sub = command("check-integrator", "Checks a scheme against everything that it promises",
                [&] { return cli::check_integrator(conformance, integrators); });
  sub->add_option("NAME", conformance.name, "Scheme by name; see `turnpike integrators`")->required();
  sub->add_flag("--json", conformance.json, "Print the result as JSON");
  sub->add_option("--set", conformance.keys,
                  "Option of the scheme as integrator.key=value, repeatable, e.g. integrator.rtol=1e-6 to "
                  "check its error-controlled steps only")
      ->take_all()
      ->expected(1);

  bool integrators_json = false;
  sub = command("integrators", "Lists the schemes and what is known of them",
                [&] { return cli::list_integrators(integrators_json, integrators); });
  sub->add_flag("--json", integrators_json, "Print the list as JSON");

  cli::ReportOptions report;
  sub = command("report", "Draws a run's report.html and figures anew",
                [&] { return cli::report(report, integrators); });
  sub->add_option("DIR", report.run, "Run directory")->required();
  sub->add_option("--data", report.data, moved)->check(path_of("--data"));
  sub->add_option("--study", report.study, "Directory of a study, whose table and pictures join the page")
      ->check(path_of("--study"));

  cli::GeometryOptions geometry;
  sub = command("geometry", "The soft cross-entropy's minimizers and its lower bounds, for any C and p_d",
                [&] { return cli::geometry(geometry); });
  sub->add_option("--classes", geometry.classes, "C, at least 2")->capture_default_str();
  sub->add_option("--p_d", geometry.p_d, "Label probability in (1/C, 1)")->capture_default_str();
  sub->add_option("--samples", geometry.samples, "D, for the bound of stacked samples")
      ->capture_default_str();
  sub->add_flag("--json", geometry.json, "Print the result as JSON");

  cli::ReproduceOptions reproduce;
  sub = command("reproduce", "The paper's figures and Table 1 with our numbers: `turnpike reproduce paper`",
                [&] { return cli::reproduce(reproduce, integrators); });
  sub->add_option("WHAT", reproduce.subject, "paper")->required();
  sub->add_option("--out", reproduce.out, "Directory for the page, the figures and the runs")
      ->check(path_of("--out"))
      ->capture_default_str();
  sub->add_option("--data", reproduce.data, "Directory of MNIST, for Figure 5 (a quarter of an hour)")
      ->check(path_of("--data"));
  sub->add_option("--set", reproduce.keys,
                  "optimizer.epochs=…, or data.per_class=… of the two spirals, for a shorter trial")
      ->take_all()
      ->expected(1);
  sub->add_option("--threads", reproduce.threads, "Number of threads; never changes a result")
      ->check(CLI::Range(1, 1024));

  bool doctor_json = false;
  sub = command("doctor", "Versions, instruction set, and a check of every scheme's gradient",
                [&] { return cli::doctor(doctor_json, integrators); });
  sub->add_flag("--json", doctor_json, "Print the result as JSON");

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    for (const auto& [parsed, action] : commands) {
      if (parsed->parsed() && !parsed->remaining().empty() &&
          parsed->remaining().front().rfind('-', 0) == 0) {
        reject_unknown(*parsed, parsed->remaining());
      }
    }
    throw InputError(fmt::format("{}; see `turnpike --help`", error.what()));
  }
  for (const auto& [parsed, action] : commands) {
    if (parsed->parsed()) {
      if (!parsed->remaining().empty()) {
        reject_unknown(*parsed, parsed->remaining());
      }
      for (const std::string& plugin : plugins) {
        cli::add_plugin(plugin, parsed->get_name() != "check-integrator", integrators);
      }
      return action();
    }
  }
  if (!app.remaining().empty()) {
    reject_unknown(app, app.remaining());
  }
  fmt::print("{}", app.help());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    cli::limit_memory();
    const int status = run(argc, argv);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      cli::tell("turnpike: the output could not be written; check where it goes and the space left there\n");
      return status == 0 ? 1 : status;
    }
    return status;
  } catch (const InputError& error) {
    cli::tell("turnpike: {}\n", error.what());
    return 2;
  } catch (const turnpike::NumericalError& error) {
    cli::tell("turnpike: {}\n", error.what());
    return 1;
  } catch (const std::bad_alloc&) {
    cli::tell(
        "turnpike: out of memory; use fewer samples, layers, integrator.substeps or a smaller "
        "field.hidden\n");
    return 1;
  } catch (const std::exception& error) {
    cli::tell("turnpike: unexpected failure: {}; please report it\n", error.what());
    return 1;
  } catch (...) {
    cli::tell("turnpike: a plug-in threw what is no std::exception; mend it\n");
    return 1;
  }
}
