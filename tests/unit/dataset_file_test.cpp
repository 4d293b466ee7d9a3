#include "turnpike/dataset_file.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <thread>

#include "temporary_directory.hpp"
#include "turnpike/error.hpp"
#include "turnpike/experiment.hpp"

namespace turnpike {
namespace {

using test::TemporaryDirectory;

Dataset<double> read(const std::string& text, const CsvOptions& options = {}) {
  const TemporaryDirectory directory;
  return read_csv(directory.write("d.csv", text), options);
}

std::string message(const std::string& text, const CsvOptions& options = {}) {
  try {
    (void)read(text, options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

CsvOptions labelled(const std::string& label) {
  CsvOptions options;
  options.label = label;
  return options;
}

TEST_CASE("a file with a header, text classes and quotes is read") {
  const Dataset<double> data =
      read("\"length, cm\",width,kind\r\n1.5,2,setosa\r\n-0.0,1e-3,\"virg\"\"inica\"\r\n3,4,setosa\r\n");
  CHECK(data.size() == 3);
  CHECK(data.feature_names == std::vector<std::string>{"length, cm", "width"});
  CHECK(data.classes == std::vector<std::string>{"setosa", "virg\"inica"});
  CHECK(data.labels == std::vector<int>{0, 1, 0});
  CHECK(data.features(1, 1) == 1e-3);
  CHECK_FALSE(std::signbit(data.features(0, 1)));
}

TEST_CASE("semicolons, tabs and files without a header are read, numbered classes in order of number") {
  CHECK(read("1;2;10\n3;4;9\n").classes == std::vector<std::string>{"9", "10"});
  CHECK(read("1\t2\ta\n3\t4\tb\n").size() == 2);
}

TEST_CASE("the label column is chosen by name or number") {
  const std::string text = "kind,x,y\na,1,2\nb,3,4\n";
  CHECK(read(text, labelled("kind")).features(1, 1) == 4);
  CHECK(read(text, labelled("0")).features(0, 0) == 1);
  CHECK(message(text, labelled("kinf")).find("'kind'") != std::string::npos);
}

TEST_CASE("mistakes are named with line and column") {
  const auto contains = [](const std::string& text, const std::string& fragment) {
    const std::string what = message(text);
    CAPTURE(what);
    CHECK(what.find(fragment) != std::string::npos);
    CHECK(what.find("d.csv") != std::string::npos);
  };
  contains("x,y,c\n1,2,a\n1,a\n", "line 3");
  contains("x,y,c\n1,2,a\n1,2z,b\n", "2z");
  contains("x,y,c\n1,2,a\n1,2z,b\n", "line 3");
  contains("x,y,c\n1,nan,a\n1,2,b\n", "line 2");
  contains("x,y,c\n1,inf,a\n1,2,b\n", "line 2");
  contains("x,y,c\n1,2,a\n1,2,a\n", "class");
  contains("", "empty");
  contains("x,y,c\n", "no rows");
  contains("x,y,c\n1,,a\n1,2,b\n", "line 2");
  contains("x,y,c\n1,2,\n1,2,b\n", "line 2");
  contains("x,\"y,c\n1,2,a\n", "quot");
  CHECK_THROWS_AS((void)read_csv("no-such-file.csv", {}), InputError);
}

TEST_CASE("known classes are kept, unknown ones refused") {
  CsvOptions known;
  known.classes = {"b", "a"};
  CHECK(read("1,2,a\n3,4,a\n", known).labels == std::vector<int>{1, 1});
  CHECK(message("1,2,c\n3,4,a\n", known).find("'c'") != std::string::npos);
}

TEST_CASE("features in float are those in double, rounded, without negative zero or infinity") {
  const TemporaryDirectory directory;
  const auto file = directory.write("d.csv", "x,y,c\n0.1,-1e-60,a\n\n3.3333333333333335,16777217,b\n");
  const Dataset<float> single = read_csv<float>(file, {});
  CHECK(single.features == cast<float>(read_csv(file, {})).features);
  CHECK_FALSE(std::signbit(single.features(1, 0)));
  const auto large = directory.write("l.csv", "x,c\n1,a\n1e39,b\n");
  CHECK(read_csv(large, {}).features(0, 1) == 1e39);
  CHECK_THROWS_WITH_AS((void)read_csv<float>(large, {}), doctest::Contains("line 3, column 'x': '1e39'"),
                       InputError);
}

TEST_CASE("standardized features in float are those in double, rounded") {
  const TemporaryDirectory directory;
  RunConfig config = recipe("csv");
  config.data.path = directory.write("d.csv", "100000001,a\n100000002,b\n100000006,a\n").string();
  const Experiment<double> exact = load_experiment(config);
  const Experiment<float> single = load_experiment<float>(config);
  CHECK(single.train.features == exact.train.features.cast<float>());
  CHECK(single.standardization.mean == exact.standardization.mean);
  CHECK(load_experiment<float>(single.model_info()).train.features == single.train.features);
}

TEST_CASE("a pipe is read like a file") {
  const TemporaryDirectory directory;
  const std::string pipe = (directory / "pipe").string();
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  std::thread writer([&] { std::ofstream(pipe) << "1,2,a\n3,4,b\n"; });
  CHECK(read_csv(pipe, {}).size() == 2);
  writer.join();
}

TEST_CASE("the first samples are taken, or all where there are no more") {
  const Dataset<double> data = read("1,a\n2,b\n3,b\n");
  CHECK(first_samples(data, 2).features == data.features.leftCols(2));
  CHECK(first_samples(data, 2).labels == std::vector<int>{0, 1});
  CHECK(first_samples(data, 9).size() == 3);
}

TEST_CASE("samples written as CSV read back to the same bits") {
  const Dataset<double> data = read("x,\"a \"\"b\"\"\",c\n0.1,1e-17,u\n3.3333333333333335,4,\"v;w\"\n");
  const Dataset<double> again = read(to_csv(data));
  CHECK(again.features == data.features);
  CHECK(again.labels == data.labels);
  CHECK(again.classes == data.classes);
  CHECK(again.feature_names == data.feature_names);
}

TEST_CASE("standardized features have mean 0 and deviation 1, constant ones become 0") {
  Dataset<double> data = read("1,5,a\n2,5,b\n6,5,a\n");
  const Standardization standardization = standardization_of(data);
  standardization.apply(data);
  CHECK(data.features.row(0).mean() == doctest::Approx(0).epsilon(1e-15));
  CHECK(data.features.row(0).squaredNorm() / 3 == doctest::Approx(1));
  CHECK(data.features.row(1).norm() == 0);
}

TEST_CASE("a split keeps the share of every class and loses no sample") {
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += std::to_string(i) + (i % 4 == 0 ? ",a\n" : ",b\n");
  }
  const Dataset<double> data = read(text);
  const auto [train, test] = split(data, 0.2, 7);
  CHECK(test.size() == 8);
  CHECK(train.size() == 32);
  CHECK(std::count(test.labels.begin(), test.labels.end(), 0) == 2);
  CHECK(train.features.sum() + test.features.sum() == data.features.sum());
  CHECK(split(data, 0.2, 7).second.features == test.features);
  CHECK(split(data, 0.2, 8).second.features != test.features);
  CHECK_THROWS_AS((void)split(read("1,a\n2,b\n3,b\n"), 0.9, 1), InputError);
}

}  // namespace
}  // namespace turnpike
