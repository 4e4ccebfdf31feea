# Configures, builds and runs the project next to this file against the library, the given way.
function(must_run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
                  ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    string(REPLACE ";" " " command "${ARGN}")
    message(FATAL_ERROR "failed (${result}): ${command}\n${output}")
  endif()
endfunction()

set(arguments "")
if(way STREQUAL "find_package")
  set(prefix "${work_dir}/prefix")
  file(REMOVE_RECURSE "${work_dir}")
  must_run(${CMAKE_COMMAND} --install "${library_build_dir}" --prefix "${prefix}")
  list(APPEND arguments "-DCMAKE_PREFIX_PATH=${prefix}")
else()
  # Kept between runs: it holds a build of the whole library. With the same flags, in a folder beside
  # that of the build under test, ccache knows most of it from there: it compares relative paths.
  list(APPEND arguments "-DDIALOGSTORE_SOURCES=${source_dir}"
    "-DDIALOGSTORE_WERROR=${warnings_are_errors}")
  set(ENV{CCACHE_NOHASHDIR} 1)
  set(ENV{CCACHE_BASEDIR} "${source_dir}")
endif()

must_run(${CMAKE_COMMAND} -S "${CMAKE_CURRENT_LIST_DIR}/project" -B "${work_dir}"
  -G "${generator}" "-DCMAKE_CXX_COMPILER=${compiler}" "-DCMAKE_BUILD_TYPE=${build_type}"
  ${arguments})
must_run(${CMAKE_COMMAND} --build "${work_dir}" --parallel 2)
must_run("${work_dir}/consumer")
