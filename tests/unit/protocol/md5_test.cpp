#include "protocol/md5.hpp"

#include <gtest/gtest.h>

namespace pgweir::protocol {
namespace {

// select 'md5' || md5('secret' || 'ann')
constexpr std::string_view hash_of_ann = "md59d792a3a8853c2411afb9163d088c036";

TEST(Md5, MakesTheStoredFormOfPostgreSQL) {
    EXPECT_EQ(*md5_hash("ann", "secret"), hash_of_ann);
    EXPECT_TRUE(is_md5_hash(hash_of_ann));
}

TEST(Md5, AnswersASalt) {
    EXPECT_EQ(*md5_answer(hash_of_ann, {'a', 'b', 'c', 'd'}),
              "md5b74835331d7e1d325026d95f00dd69c5");
}

TEST(Md5, KnowsAHashFromAPassword) {
    for (const auto* text :
         {"", "md5", "secret", "md5aff8ad7ae5a38d5b5fd5d9fd9bf6a5e",
          "md5AFF8AD7AE5A38D5B5FD5D9FD9BF6A5EE", "md5gff8ad7ae5a38d5b5fd5d9fd9bf6a5ee"}) {
        EXPECT_FALSE(is_md5_hash(text)) << text;
        EXPECT_FALSE(md5_answer(text, {})) << text;
    }
}

} // namespace
} // namespace pgweir::protocol
