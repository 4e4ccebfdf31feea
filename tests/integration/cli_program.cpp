#include "cli_program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "support/eventually.hpp"

extern char** environ;

namespace dialogstore::test {
namespace {

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

// What the program inherits, without what would lead it to the user's own data.
std::map<std::string, std::string> inherited_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  for (const char* name : {"DIALOGSTORE_URI", "XDG_DATA_HOME", "NO_COLOR", "COLUMNS"}) {
    variables.erase(name);
  }
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace

std::vector<JsonObject> CliResult::json_lines() const {
  std::vector<JsonObject> objects;
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) objects.push_back(JsonObject::parse(line));
  return objects;
}

JsonObject CliResult::json() const {
  return JsonObject::parse(out);
}

CliProcess::CliProcess(pid_t process, int input, std::filesystem::path output,
                       std::filesystem::path errors)
    : process_(process), input_(input), output_(std::move(output)), errors_(std::move(errors)) {}

CliProcess::~CliProcess() {
  close_input();
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

void CliProcess::write(const std::string& text) const {
  const ssize_t sent = ::write(input_, text.data(), text.size());
  if (sent != static_cast<ssize_t>(text.size()))
    throw std::runtime_error("the program reads no more");
}

void CliProcess::close_input() {
  if (input_ >= 0) ::close(std::exchange(input_, -1));
}

void CliProcess::signal(int number) const {
  ::kill(process_, number);
}
std::string CliProcess::out() const {
  return content_of(output_);
}
std::string CliProcess::err() const {
  return content_of(errors_);
}

CliResult CliProcess::wait() {
  int status = 0;
  const bool ended = eventually([&] { return ::waitpid(process_, &status, WNOHANG) == process_; },
                                std::chrono::seconds(60));
  if (!ended) return {.exit_code = -1, .out = out(), .err = err()};
  process_ = -1;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {.exit_code = code, .out = out(), .err = err()};
}

void Cli::set_environment(const std::string& name, const std::string& value) {
  environment_[name] = value;
}

std::unique_ptr<CliProcess> Cli::start(const Arguments& arguments, Interrupts interrupts) {
  const auto number = std::to_string(++runs_);
  const auto output = path("stdout." + number);
  const auto errors = path("stderr." + number);
  std::vector<std::string> texts{DIALOGSTORE_CLI};
  texts.insert(texts.end(), arguments.begin(), arguments.end());
  auto variables = inherited_environment();
  variables["HOME"] = folder_.path().string();
  variables["XDG_DATA_HOME"] = path("data").string();
  variables["USER"] = "tester";
  for (const auto& [name, value] : environment_) variables[name] = value;
  std::vector<std::string> settings;
  for (const auto& [name, value] : variables) settings.push_back(name + '=' + value);
  // Everything that allocates comes before the fork.
  const auto argument_list = pointers(texts);
  const auto setting_list = pointers(settings);
  const std::string folder = folder_.path().string();
  int input[2];
  checked(::pipe2(input, O_CLOEXEC), "pipe2");
  constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  const int out_file = checked(::open(output.c_str(), flags, 0600), "open");
  const int err_file = checked(::open(errors.c_str(), flags, 0600), "open");
  const pid_t process = checked(::fork(), "fork");
  if (process == 0) {
    // Whatever this test was started with.
    ::signal(SIGINT, interrupts == Interrupts::heeded ? SIG_DFL : SIG_IGN);
    ::dup2(input[0], STDIN_FILENO);
    ::dup2(out_file, STDOUT_FILENO);
    ::dup2(err_file, STDERR_FILENO);
    if (::chdir(folder.c_str()) == 0) {
      ::execve(argument_list[0], argument_list.data(), setting_list.data());
    }
    ::_exit(127);
  }
  for (const int file : {input[0], out_file, err_file}) ::close(file);
  return std::make_unique<CliProcess>(process, input[1], output, errors);
}

CliResult Cli::run(const Arguments& arguments, const std::string& input) {
  const auto process = start(arguments);
  // A program that does not read all of its input is no error of the test.
  const auto old = ::signal(SIGPIPE, SIG_IGN);
  std::size_t sent = 0;
  try {
    for (; sent < input.size(); sent += 4096) process->write(input.substr(sent, 4096));
  } catch (const std::runtime_error&) {
  }
  ::signal(SIGPIPE, old);
  process->close_input();
  return process->wait();
}

std::string Cli::write_file(const std::string& name, const std::string& content) const {
  std::ofstream(path(name), std::ios::binary) << content;
  return path(name).string();
}

std::string Cli::read_file(const std::string& name) const {
  return content_of(path(name));
}

}  // namespace dialogstore::test
