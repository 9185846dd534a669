/* What `tocsin test` tells: a line a case as it goes, then coverage and the sum; or JSON; and JUnit XML. */
#ifndef TOCSIN_TEST_REPORT_H
#define TOCSIN_TEST_REPORT_H

#include "suite_run.h"

struct report_case {
    const struct suite_case *its;
    bool is_good;
    int64_t elapsed_us;
    struct str diff;
};

struct report_suite {
    struct suite suite;
    struct report_case *cases;
    size_t case_count;
    struct coverage coverage; /* playbook NULL: not wanted */
};

struct report {
    struct report_suite *suites;
    size_t suite_count;
    unsigned passed, failed;
};

void report_print_case(const struct report_suite *suite, const struct report_case *result);
/* Coverage where it was wanted, and the last line, "N passed, N failed". */
void report_print_end(const struct report *report);
void report_print_json(const struct report *report);
FALLIBLE report_write_junit(const struct report *report, const char *path, struct err_info *why);

#endif
