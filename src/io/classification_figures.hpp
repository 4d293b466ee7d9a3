#pragma once

#include "io/gnuplot.hpp"
#include "turnpike/report.hpp"

namespace turnpike {

/// confusion.svg: the confusion matrix of the test samples, or of the training samples where there are none;
/// of many classes the largest mistakes.
void draw_confusion(gnuplot::Script& script, const ReportData& data);

/// data.svg: samples of each class as pictures. `data.examples` is there.
void draw_examples(gnuplot::Script& script, const ReportData& data);

/// misclassified.svg: the misclassified samples as pictures. `data.misclassified` is there.
void draw_misclassified(gnuplot::Script& script, const ReportData& data);

}  // namespace turnpike
