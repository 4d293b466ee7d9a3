# Installs the library that was built in BUILD and lets a project of its own, compiled for no particular
# processor, find and use it. The project's program is the C++ block of README.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed (${status}): ${ARGN}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(READ ${README} readme)
string(FIND "${readme}" "```cpp\n" begin)
if(begin EQUAL -1)
  message(FATAL_ERROR "README.md has no C++ block")
endif()
math(EXPR begin "${begin} + 7")
string(SUBSTRING "${readme}" ${begin} -1 program)
string(FIND "${program}" "```" end)
string(SUBSTRING "${program}" 0 ${end} program)
file(WRITE ${WORK}/readme.cpp "${program}")

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/installed)
run(${CMAKE_COMMAND} -S ${CONSUMER} -B ${WORK}/build -G Ninja -DCMAKE_BUILD_TYPE=Debug
    -DCMAKE_PREFIX_PATH=${WORK}/installed -DREADME_PROGRAM=${WORK}/readme.cpp)
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer)
if(NOT output MATCHES "V = [0-9.]+, gradient with respect to 420 numbers" OR NOT output MATCHES "passed")
  message(FATAL_ERROR "the program of README.md printed:\n${output}")
endif()
run(${WORK}/installed/bin/turnpike --version)

# The example plug-in against the installed package: its three schemes train, and their gradients are exact.
run(${CMAKE_COMMAND} -S ${EXAMPLE} -B ${WORK}/example -G Ninja -DCMAKE_PREFIX_PATH=${WORK}/installed)
run(${CMAKE_COMMAND} --build ${WORK}/example)
set(plugin --plugin ${WORK}/example/libcustom_integrator.so)
run(${WORK}/installed/bin/turnpike integrators ${plugin})
foreach(scheme ralston hand-written-heun graded-heun)
  if(NOT output MATCHES "${scheme}")
    message(FATAL_ERROR "the plug-in's schemes are missing in:\n${output}")
  endif()
endforeach()
foreach(scheme ralston hand-written-heun graded-heun)
  run(${WORK}/installed/bin/turnpike train two-spirals ${plugin} --integrator ${scheme} --out ${WORK}/${scheme}
      --set optimizer.epochs=20)
  run(${WORK}/installed/bin/turnpike check-gradient two-spirals ${plugin} --integrator ${scheme}
      --set data.per_class=30 --set control.intervals=5)
endforeach()
