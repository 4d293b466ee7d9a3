# Puts text files into the library: src/io/embedded.hpp gives them back by name.
find_file(TURNPIKE_CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js REQUIRED)
file(GLOB report_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/io/report/*)
set(embedded_sources ${TURNPIKE_CHART_JS} ${report_files})
set(embedded_cpp ${CMAKE_CURRENT_BINARY_DIR}/embedded.cpp)
add_custom_command(OUTPUT ${embedded_cpp}
  COMMAND ${CMAKE_COMMAND} "-DFILES=${embedded_sources}" -DOUTPUT=${embedded_cpp}
          -P ${PROJECT_SOURCE_DIR}/cmake/embed_files.cmake
  DEPENDS ${embedded_sources} ${PROJECT_SOURCE_DIR}/cmake/embed_files.cmake VERBATIM)
target_sources(turnpike PRIVATE ${embedded_cpp})
