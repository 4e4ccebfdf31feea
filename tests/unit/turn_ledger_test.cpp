// That the ledger of the long runs finds what it is there to find.
#include "support/turn_ledger.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dialogstore::test {
namespace {

using Fate = TurnLedger::Fate;
using testing::HasSubstr;

class TurnLedgerTest : public testing::Test {
 protected:
  TurnLedgerTest() {
    ledger_.settle(acknowledged_, Fate::acknowledged);
    ledger_.settle(refused_, Fate::refused);
  }

  TurnLedger ledger_{3};
  TurnLedger::Entry acknowledged_ = ledger_.begin();
  TurnLedger::Entry refused_ = ledger_.begin();
  TurnLedger::Entry in_doubt_ = ledger_.begin();
};

TEST_F(TurnLedgerTest, TakesWhatWasPromised) {
  EXPECT_EQ(ledger_.fault_of({acknowledged_.text()}), "");
  EXPECT_EQ(ledger_.fault_of({in_doubt_.text(), acknowledged_.text()}), "");
}

TEST_F(TurnLedgerTest, FindsALostTurn) {
  EXPECT_THAT(ledger_.fault_of({in_doubt_.text()}), HasSubstr("lost"));
  EXPECT_EQ(TurnLedger::missing(ledger_.acknowledged(), {in_doubt_.text()}), acknowledged_.text());
  EXPECT_EQ(TurnLedger::missing(ledger_.acknowledged(), {acknowledged_.text()}), "");
}

TEST_F(TurnLedgerTest, FindsATurnThatIsThereTwice) {
  EXPECT_THAT(ledger_.fault_of({acknowledged_.text(), acknowledged_.text()}), HasSubstr("2 times"));
  EXPECT_THAT(ledger_.fault_of({acknowledged_.text(), in_doubt_.text(), in_doubt_.text()}),
              HasSubstr("2 times"));
}

TEST_F(TurnLedgerTest, FindsARefusedTurn) {
  EXPECT_THAT(ledger_.fault_of({acknowledged_.text(), refused_.text()}), HasSubstr("refused"));
}

TEST_F(TurnLedgerTest, FindsWhatCameBackAfterADelete) {
  EXPECT_TRUE(ledger_.is_full());
  ledger_.begin_again();
  EXPECT_FALSE(ledger_.is_full());
  EXPECT_EQ(ledger_.fault_of({}), "");
  EXPECT_THAT(ledger_.fault_of({acknowledged_.text()}), HasSubstr("none that anybody said"));
  const auto next = ledger_.begin();
  ledger_.settle(in_doubt_, Fate::refused);  // of before: of no account
  EXPECT_EQ(ledger_.fault_of({next.text()}), "");
}

}  // namespace
}  // namespace dialogstore::test
