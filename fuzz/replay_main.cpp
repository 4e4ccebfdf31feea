// Runs a fuzz target without libFuzzer: over the files named (folders: over all files in them), and
// over mutations of them that a fixed seed decides, so that every build and every compiler runs it.
//
//   replay_<name> [--mutations=N] [--seed=N] [--seconds=N] [file or folder]...
//
// An input that ends the program is left in replay-failure.bin of the current folder.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

using Random = std::mt19937_64;

struct Options {
  std::uint64_t mutations = 20000;
  std::uint64_t seed = 1;
  std::uint64_t seconds = 10;
  std::vector<std::filesystem::path> paths;
};

const std::uint8_t* current_data = nullptr;
std::size_t current_size = 0;

void keep_current_input() {
  const int fd = ::open("replay-failure.bin", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd >= 0) {
    [[maybe_unused]] const auto ignored = ::write(fd, current_data, current_size);
    ::close(fd);
  }
}

void on_signal(int number) {
  keep_current_input();
  ::signal(number, SIG_DFL);
  ::raise(number);
}

void keep_input_on_failure() {
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(&keep_current_input);
    ::signal(SIGABRT, &on_signal);
    return;
  }
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    ::signal(number, &on_signal);
  }
}

// Of exactly the input's size on the heap, so that a sanitizer sees a read one byte beyond it.
void run(const std::string& input) {
  const auto copy = std::make_unique<std::uint8_t[]>(input.size());
  std::copy(input.begin(), input.end(), copy.get());
  current_data = copy.get();
  current_size = input.size();
  LLVMFuzzerTestOneInput(copy.get(), input.size());
}

std::size_t below(Random& random, std::size_t limit) {
  return limit == 0 ? 0 : static_cast<std::size_t>(random() % limit);
}

void mutate_once(std::string& input, const std::vector<std::string>& seeds, Random& random) {
  constexpr std::array<std::uint64_t, 8> kEdges{
      0, 1, 0x7f, 0xff, 0x7fffffff, 0xffffffff, 0x7fffffffffffffff, 0xffffffffffffffff};
  const std::size_t at = below(random, input.size() + 1);
  const std::size_t length = below(random, std::min<std::size_t>(input.size() - at, 64) + 1);
  switch (random() % 8) {
    case 0:  // one bit
      if (at < input.size()) {
        input[at] = static_cast<char>(input[at] ^ (1 << (random() % 8)));
      }
      break;
    case 1:  // one byte
      if (at < input.size()) {
        input[at] = static_cast<char>(random());
      }
      break;
    case 2:
      input.insert(at, 1 + below(random, 8), static_cast<char>(random()));
      break;
    case 3:
      input.erase(at, length);
      break;
    case 4:
      input.resize(at);
      break;
    case 5:
      input.insert(at, std::string(input, at, length));
      break;
    case 6: {  // a number at its edge, of 1, 2, 4 or 8 bytes
      const std::uint64_t edge = kEdges[below(random, kEdges.size())];
      const std::size_t width = std::size_t{1} << below(random, 4);
      for (std::size_t i = 0; i < width && at + i < input.size(); ++i) {
        input[at + i] = static_cast<char>(edge >> (8 * i));
      }
      break;
    }
    default: {  // the rest of another input
      const std::string& other = seeds[below(random, seeds.size())];
      input.replace(at, std::string::npos, other, below(random, other.size() + 1));
    }
  }
}

std::string mutated(const std::vector<std::string>& seeds, Random& random) {
  constexpr std::size_t kLargest = 1 << 16;
  std::string input = seeds[below(random, seeds.size())];
  for (std::size_t i = 0, count = 1 + below(random, 4); i < count; ++i) {
    mutate_once(input, seeds, random);
  }
  input.resize(std::min(input.size(), kLargest));
  return input;
}

std::string content(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::string> read_inputs(const std::vector<std::filesystem::path>& paths) {
  std::vector<std::filesystem::path> files;
  for (const auto& path : paths) {
    if (std::filesystem::is_directory(path)) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
        if (entry.is_regular_file()) {
          files.push_back(entry.path());
        }
      }
    } else if (std::filesystem::exists(path)) {
      files.push_back(path);
    } else {
      std::fprintf(stderr, "there is no %s\n", path.c_str());
      std::exit(2);
    }
  }
  // The order of a folder differs between machines, and the mutations depend on it.
  std::sort(files.begin(), files.end());
  std::vector<std::string> inputs{""};
  std::transform(files.begin(), files.end(), std::back_inserter(inputs), &content);
  return inputs;
}

bool read_number(std::string_view argument, std::string_view name, std::uint64_t& number) {
  if (!argument.starts_with(name)) {
    return false;
  }
  argument.remove_prefix(name.size());
  const auto end = argument.data() + argument.size();
  const auto result = std::from_chars(argument.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end) {
    std::fprintf(stderr, "not a number: %.*s\n", static_cast<int>(argument.size()),
                 argument.data());
    std::exit(2);
  }
  return true;
}

Options read_options(const std::vector<std::string_view>& arguments) {
  Options options;
  for (const auto argument : arguments) {
    if (!read_number(argument, "--mutations=", options.mutations) &&
        !read_number(argument, "--seed=", options.seed) &&
        !read_number(argument, "--seconds=", options.seconds)) {
      options.paths.emplace_back(argument);
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = read_options({argv + 1, argv + argc});
  keep_input_on_failure();
  const auto seeds = read_inputs(options.paths);
  for (const auto& seed : seeds) {
    run(seed);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
  Random random(options.seed);
  std::uint64_t done = 0;
  while (done < options.mutations && std::chrono::steady_clock::now() < end) {
    run(mutated(seeds, random));
    ++done;
  }
  std::printf("%zu inputs and %llu mutations of them\n", seeds.size(),
              static_cast<unsigned long long>(done));
  return 0;
}
