# Warnings and sanitizers live on interface targets that our own targets link privately: a program
# that uses the installed library gets neither.
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Kind of build" FORCE)
endif()

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(CCACHE_PROGRAM ccache)
  if(CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
  endif()
endif()

add_library(dialogstore_warnings INTERFACE)
target_compile_options(dialogstore_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion
  # A designated initialiser names what differs from the defaults; the rest is meant to be left out.
  -Wno-missing-field-initializers)
if(DIALOGSTORE_WERROR)
  target_compile_options(dialogstore_warnings INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND DIALOGSTORE_SANITIZE)
  # gcc 12 reports initialised members of coroutine frames as uninitialised under -fsanitize, and
  # does not know that -fsanitize=thread understands the fences in Asio.
  target_compile_options(dialogstore_warnings INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
endif()

add_library(dialogstore_sanitizers INTERFACE)
if(DIALOGSTORE_SANITIZE)
  target_compile_options(dialogstore_sanitizers INTERFACE
    -fsanitize=${DIALOGSTORE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  target_link_options(dialogstore_sanitizers INTERFACE -fsanitize=${DIALOGSTORE_SANITIZE})
endif()
if(DIALOGSTORE_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "DIALOGSTORE_FUZZ needs clang: it brings libFuzzer")
  endif()
  target_compile_options(dialogstore_sanitizers INTERFACE -fsanitize=fuzzer-no-link)
endif()

# dialogstore_own_target(<target>): what every target of this project gets.
function(dialogstore_own_target target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:dialogstore_warnings>
                                          $<BUILD_INTERFACE:dialogstore_sanitizers>)
endfunction()
