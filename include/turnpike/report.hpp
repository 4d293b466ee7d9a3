#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "turnpike/confusion.hpp"
#include "turnpike/cropping.hpp"

namespace turnpike {

/// One split of the data on its way through the layers, as the report draws it: frame by frame, of which
/// every `ReportData::points`-th is at a node.
struct ReportSplit {
  std::string name;                    ///< "train" or "test"
  std::vector<int> labels;             ///< class indices of the drawn samples
  std::vector<int> predicted;          ///< their classes at the last layer
  std::vector<std::vector<double>> x;  ///< first drawn coordinate, frame by frame
  std::vector<std::vector<double>> y;  ///< second drawn coordinate, frame by frame
  std::vector<double> loss;            ///< mean over all samples, frame by frame
  std::vector<double> accuracy;        ///< of all samples, frame by frame
  ConfusionMatrix confusion;           ///< of all samples at the last layer
};

/// A sample as a picture, with what it is and what it is taken for.
struct ReportPicture {
  std::size_t sample = 0;  ///< its index in the split
  int label = 0;
  int predicted = 0;
  std::vector<std::uint8_t> pixels;  ///< row by row, 0 black and 255 white
};

/// Some samples of one split.
struct ReportPictures {
  std::string split;     ///< "train" or "test"
  std::size_t rows = 0;  ///< of each picture
  std::size_t columns = 0;
  std::size_t wrong = 0;  ///< misclassified samples of the split
  std::vector<ReportPicture> list;
};

/// Everything that the report and the figures show.
struct ReportData {
  std::string title;
  std::vector<std::pair<std::string, std::string>> facts;  ///< label and value, for the strip at the top
  std::vector<std::string> classes;
  std::string x_name;  ///< of the drawn coordinates
  std::string y_name;
  std::string plane_note;     ///< a sentence on them; may be empty
  std::size_t points = 1;     ///< frames a layer
  std::vector<double> times;  ///< of the K·points + 1 frames
  ReportSplit train;
  std::optional<ReportSplit> test;
  std::vector<double> control_norm;  ///< ‖u_k‖₂, K entries
  struct Distance {
    double epsilon = 1;
    std::vector<double> mean, max, low,
        high;  ///< frame by frame; low and high are the 10 % and 90 % quantiles
  };
  std::optional<Distance> distance;        ///< of the training samples to their minimizers
  std::optional<std::size_t> entry_layer;  ///< by loss
  /// Layers and time that a training sample spends outside ε, mean, over the levels ε of a ladder: measured
  /// beside the bounds that follow from the losses.
  struct Certificates {
    std::vector<double> epsilon;
    struct Curves {
      std::vector<double> measured, sharp, plain;
    };
    Curves layers, time;
    std::string text;  ///< a sentence on the level of `distance`
  };
  std::optional<Certificates> certificates;
  std::optional<Cropping> cropping;
  std::optional<ReportPictures> examples;       ///< of each class; absent unless the features are pictures
  std::optional<ReportPictures> misclassified;  ///< the same of wrong ones; absent unless there are some
  /// Minimizers in the drawn plane, one a class: a line through (x, y) with direction (1, 1), or a point.
  struct Minimizer {
    double x = 0;
    double y = 0;
    bool line = true;
  };
  std::vector<Minimizer> minimizers;
  struct Training {
    std::vector<double> epoch, objective, running, control, terminal, learning_rate;
  };
  Training training;  ///< thinned to at most a few hundred rows
  /// The predicted class on a grid of the input plane; absent unless there are two features.
  struct Regions {
    double x_min = 0, x_max = 0, y_min = 0, y_max = 0;
    int columns = 0, rows = 0;
    std::vector<int> predicted;  ///< row by row from y_min
  };
  std::optional<Regions> regions;
  std::string study;  ///< JSON of a study for its section, as the study's own page shows it; empty for none
};

/// Of up to this many classes the whole confusion matrix is drawn, of more the largest mistakes.
inline constexpr std::size_t most_matrix_classes = 20;

/// The report as one HTML file that needs nothing else. Values that are not finite become gaps.
std::string render_report(const ReportData& data);

/// Whether gnuplot can be run.
bool gnuplot_available();

/// Draws the report's figures as SVG files into `directory` with gnuplot. Returns an empty text, or one
/// sentence that says why there are none.
std::string write_figures(const ReportData& data, const std::filesystem::path& directory);

}  // namespace turnpike
