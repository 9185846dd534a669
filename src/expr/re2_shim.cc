/* The one file of the project that speaks C++: RE2 has no C interface. */
#include <cassert>
#include <cstdio>
#include <new>

#include <re2/re2.h>

#include "base/msan.h"
#include "expr/regex.h"

struct regex {
    explicit regex(const re2::StringPiece &pattern, const RE2::Options &options) : re(pattern, options) {}
    RE2 re;
};

/* For one pattern's programs and caches. */
static const int64_t regex_memory_bytes_max = 4 << 20;

extern "C" struct regex *regex_new(struct str pattern, char *error, size_t error_size)
{
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(regex_memory_bytes_max);
    struct regex *made = new (std::nothrow) regex(re2::StringPiece(pattern.data, pattern.size), options);
    if (made == nullptr) {
        snprintf(error, error_size, "out of memory");
        return nullptr;
    }
    msan_is_written(made, sizeof *made);
    if (!made->re.ok()) {
        snprintf(error, error_size, "%s", made->re.error().c_str());
        delete made;
        return nullptr;
    }
    return made;
}

extern "C" void regex_free(struct regex *regex) { delete regex; }

extern "C" bool regex_matches(const struct regex *regex, struct str text)
{
    return RE2::PartialMatch(re2::StringPiece(text.data, text.size), regex->re);
}

extern "C" int regex_group_count(const struct regex *regex) { return regex->re.NumberOfCapturingGroups(); }

extern "C" bool regex_find(const struct regex *regex, struct str text, size_t from, struct str *groups, int count)
{
    re2::StringPiece found[REGEX_GROUPS_MAX + 1];
    assert(count <= REGEX_GROUPS_MAX + 1);
    if (!regex->re.Match(re2::StringPiece(text.data, text.size), from, text.size, RE2::UNANCHORED, found, count))
        return false;
    msan_is_written(found, sizeof found);
    for (int i = 0; i < count; i++)
        groups[i] = { found[i].data(), found[i].size() };
    return true;
}

extern "C" uint64_t regex_size(const struct regex *regex) { return (uint64_t)regex->re.ProgramSize(); }
