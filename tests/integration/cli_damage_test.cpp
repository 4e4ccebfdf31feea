// A context whose older turns are damaged is loaded; the program still says which one it is.
#include <gtest/gtest.h>

#include "cli_program.hpp"
#include "format/compress.hpp"
#include "format/row.hpp"
#include "sqlite_fixture.hpp"

namespace dialogstore::test {
namespace {

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4U];
    text += digits[static_cast<unsigned char>(byte) & 0xFU];
  }
  return text;
}

class CliDamage : public SQLiteStore {
 protected:
  void SetUp() override {
    const auto storage = open();
    for (const char* key : {"first", "second"}) {
      Context context = make_context("hello ", 30);
      storage->set_item(key, context);
    }
    storage->close();
    format::RowHeader header;
    header.kind = format::RowKind::page;
    const auto page = format::encode_page(header, {}, format::codec_stored, "{no page}");
    sql("UPDATE log_rows SET row = x'" + hex(page) +
        "' WHERE id = (SELECT min(id) FROM log_rows WHERE hex(row) LIKE '50%')");
  }

  std::string uri() const { return "sqlite:///" + file(); }
  static void expect_named(const CliResult& result) {
    EXPECT_EQ(result.exit_code, 5) << result.err;
    EXPECT_NE(result.err.find("\"first\": row 0: "), std::string::npos) << result.err;
  }

  Cli cli;
};

TEST_F(CliDamage, IsNamedByWhatReadsEverything) {
  expect_named(cli.run({"--store", uri(), "get", "first"}));
  EXPECT_EQ(cli.run({"--store", uri(), "get", "second"}).exit_code, 0);
  expect_named(cli.run({"--store", uri(), "export", "all.jsonl"}));
  expect_named(cli.run({"--store", uri(), "migrate", uri(), uri() + ".copy"}));
}

TEST_F(CliDamage, IsLeftOutOfAnExportThatKeepsGoing) {
  const auto result = cli.run({"--store", uri(), "export", "--keep-going", "all.jsonl"});
  expect_named(result);
  EXPECT_NE(result.err.find("(left out)"), std::string::npos) << result.err;
  const std::string exported = cli.read_file("all.jsonl");
  EXPECT_EQ(exported.find("\"first\""), std::string::npos);
  EXPECT_NE(exported.find("\"second\""), std::string::npos);
}

}  // namespace
}  // namespace dialogstore::test
