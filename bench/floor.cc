// The least that a fast page fault costs: the same words, the same order, no MMU around it. `faultline bench` compiles and
// runs this when a C++ compiler is there. Per fault: 4 untorn 64-bit loads, 1 compare-and-exchange of 64 bits, 1 atomic or.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr unsigned kPages = 32768, kIndexBits = 9, kEntries = 1u << kIndexBits, kRounds = 15;
constexpr unsigned kLeafTables = kPages / kEntries;
constexpr uint64_t kPresent = 1u << 11, kWritable = 1u << 1, kMmuWritable = 1u << 10;
constexpr uint64_t kAddress = 0x000ffffffffff000ull;

uint64_t* tables;
uint32_t* log_words;

uint64_t load(uint64_t table, unsigned index) {
  return __atomic_load_n(&tables[table * kEntries + index], __ATOMIC_SEQ_CST);
}

__attribute__((noinline)) bool repair(uint64_t gfn) {
  uint64_t table = 0;
  for (int level = 4; level > 1; level--) {
    const uint64_t entry = load(table, (gfn >> ((level - 1) * kIndexBits)) % kEntries);
    if (!(entry & kPresent)) return false;
    table = (entry & kAddress) >> 12;
  }
  uint64_t* leaf = &tables[table * kEntries + gfn % kEntries];
  uint64_t old = __atomic_load_n(leaf, __ATOMIC_SEQ_CST);
  if (!(old & kPresent) || (old & kWritable) || !(old & kMmuWritable)) return false;
  if (!__atomic_compare_exchange_n(leaf, &old, old | kWritable, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return false;
  __atomic_fetch_or(&log_words[gfn / 32], 1u << (gfn % 32), __ATOMIC_SEQ_CST);
  return true;
}

}  // namespace

int main() {
  tables = static_cast<uint64_t*>(calloc((3 + kLeafTables) * kEntries, 8));
  log_words = static_cast<uint32_t*>(calloc(kPages / 32, 4));
  const uint64_t nonleaf = kPresent | 0x27;
  tables[0] = 1ull << 12 | nonleaf;
  tables[kEntries] = 2ull << 12 | nonleaf;
  for (unsigned i = 0; i < kLeafTables; i++) tables[2 * kEntries + i] = (3ull + i) << 12 | nonleaf;
  std::vector<double> rounds;
  for (unsigned round = 0; round < kRounds; round++) {
    for (unsigned page = 0; page < kPages; page++) tables[3 * kEntries + page] = (uint64_t(page) << 12) | 0xe65;
    std::fill(log_words, log_words + kPages / 32, 0);
    unsigned repaired = 0;
    const auto from = std::chrono::steady_clock::now();
    for (unsigned i = 0; i < kPages; i++) repaired += repair((i * 9973u) % kPages);
    const auto to = std::chrono::steady_clock::now();
    if (repaired != kPages) return 1;
    rounds.push_back(std::chrono::duration<double, std::nano>(to - from).count() / kPages);
  }
  std::sort(rounds.begin(), rounds.end());
  std::printf("%.3f\n", rounds[rounds.size() / 2]);
}
