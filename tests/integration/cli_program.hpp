// Runs the real command line in a folder of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dialogstore/json.hpp"
#include "support/temp_dir.hpp"

namespace dialogstore::test {

struct CliResult {
  int exit_code = -1;
  std::string out;
  std::string err;
  /// stdout, one JSON document a line.
  [[nodiscard]] std::vector<JsonObject> json_lines() const;
  /// stdout, which is one JSON object.
  [[nodiscard]] JsonObject json() const;
};

/// The program while it runs; killed when it is still running at the end.
class CliProcess {
 public:
  CliProcess(pid_t process, int input, std::filesystem::path output, std::filesystem::path errors);
  ~CliProcess();
  CliProcess(CliProcess&&) = delete;

  void write(const std::string& text) const;
  void close_input();
  void signal(int number) const;
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;
  /// Until it ends; exit code 128 + signal when one killed it, -1 when it does not end in 60 s.
  CliResult wait();

 private:
  pid_t process_;
  int input_;
  std::filesystem::path output_;
  std::filesystem::path errors_;
};

class Cli {
 public:
  using Arguments = std::vector<std::string>;
  /// What the program finds set for SIGINT when it starts: by a terminal, or as what a shell
  /// without job control runs in the background.
  enum class Interrupts : std::uint8_t { heeded, ignored };

  /// Environment variables of all runs that follow.
  void set_environment(const std::string& name, const std::string& value);

  CliResult run(const Arguments& arguments, const std::string& input = {});
  std::unique_ptr<CliProcess> start(const Arguments& arguments,
                                    Interrupts interrupts = Interrupts::heeded);

  /// A file in this folder, which is the working folder of the program.
  [[nodiscard]] std::filesystem::path path(const std::string& name) const { return folder_ / name; }
  std::string write_file(const std::string& name, const std::string& content) const;
  [[nodiscard]] std::string read_file(const std::string& name) const;

 private:
  TempDir folder_;
  std::map<std::string, std::string> environment_;
  int runs_ = 0;
};

}  // namespace dialogstore::test
