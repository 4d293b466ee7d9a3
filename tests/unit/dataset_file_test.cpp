#include "turnpike/dataset_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "temporary_directory.hpp"
#include "turnpike/error.hpp"

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
