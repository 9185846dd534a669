#include "ingest/grade.h"

#include <math.h>

static const struct {
    struct str word;
    enum severity severity;
} words[] = {
    { STR_INIT("fatal"), SEVERITY_FATAL },
    { STR_INIT("emergency"), SEVERITY_FATAL },
    { STR_INIT("emerg"), SEVERITY_FATAL },
    { STR_INIT("panic"), SEVERITY_FATAL },
    { STR_INIT("critical"), SEVERITY_CRITICAL },
    { STR_INIT("crit"), SEVERITY_CRITICAL },
    { STR_INIT("alert"), SEVERITY_CRITICAL },
    { STR_INIT("very-high"), SEVERITY_CRITICAL },
    { STR_INIT("severe"), SEVERITY_CRITICAL },
    { STR_INIT("p1"), SEVERITY_CRITICAL },
    { STR_INIT("sev1"), SEVERITY_CRITICAL },
    { STR_INIT("high"), SEVERITY_HIGH },
    { STR_INIT("error"), SEVERITY_HIGH },
    { STR_INIT("err"), SEVERITY_HIGH },
    { STR_INIT("major"), SEVERITY_HIGH },
    { STR_INIT("p2"), SEVERITY_HIGH },
    { STR_INIT("sev2"), SEVERITY_HIGH },
    { STR_INIT("medium"), SEVERITY_MEDIUM },
    { STR_INIT("moderate"), SEVERITY_MEDIUM },
    { STR_INIT("warning"), SEVERITY_MEDIUM },
    { STR_INIT("warn"), SEVERITY_MEDIUM },
    { STR_INIT("p3"), SEVERITY_MEDIUM },
    { STR_INIT("sev3"), SEVERITY_MEDIUM },
    { STR_INIT("low"), SEVERITY_LOW },
    { STR_INIT("minor"), SEVERITY_LOW },
    { STR_INIT("notice"), SEVERITY_LOW },
    { STR_INIT("p4"), SEVERITY_LOW },
    { STR_INIT("sev4"), SEVERITY_LOW },
    { STR_INIT("info"), SEVERITY_INFORMATIONAL },
    { STR_INIT("informational"), SEVERITY_INFORMATIONAL },
    { STR_INIT("information"), SEVERITY_INFORMATIONAL },
    { STR_INIT("debug"), SEVERITY_INFORMATIONAL },
    { STR_INIT("trace"), SEVERITY_INFORMATIONAL },
    { STR_INIT("none"), SEVERITY_INFORMATIONAL },
    { STR_INIT("ok"), SEVERITY_INFORMATIONAL },
    { STR_INIT("p5"), SEVERITY_INFORMATIONAL },
    { STR_INIT("unknown"), SEVERITY_UNKNOWN },
    { STR_INIT("other"), SEVERITY_UNKNOWN },
};

static bool from_rising(double number, enum severity *ret)
{
    double ten = number > 10 ? number / 10 : number;
    if (!(ten >= 0 && ten <= 10))
        return false;
    /* The bands of CVSS 3.1, section 5. */
    *ret = ten >= 9 ? SEVERITY_CRITICAL
        : ten >= 7  ? SEVERITY_HIGH
        : ten >= 4  ? SEVERITY_MEDIUM
        : ten > 0   ? SEVERITY_LOW
                    : SEVERITY_INFORMATIONAL;
    return true;
}

static bool from_number(double number, enum grade_scale scale, enum severity *ret)
{
    switch (scale) {
    case GRADE_RISING: return from_rising(number, ret);
    case GRADE_PRIORITY:
        if (!(number >= 1 && number <= 5))
            return false;
        *ret = (enum severity)(SEVERITY_CRITICAL + 1 - (int)number);
        return true;
    case GRADE_OCSF: break;
    }
    if (number != floor(number) || !((number >= 0 && number < SEVERITY_COUNT) || number == 99))
        return false;
    *ret = number == 99 ? SEVERITY_UNKNOWN : (enum severity)(int)number;
    return true;
}

bool grade_parse(struct value v, enum grade_scale scale, enum severity *ret)
{
    double number;
    switch (v.type) {
    case VALUE_INT: return from_number((double)v.integer, scale, ret);
    case VALUE_UINT: return from_number((double)v.uinteger, scale, ret);
    case VALUE_DOUBLE: return from_number(v.number, scale, ret);
    case VALUE_STRING: break;
    default: return false;
    }
    struct str text = str_trim(value_str(v));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_equal_nocase(text, words[i].word)) {
            *ret = words[i].severity;
            return true;
        }
    }
    return str_to_double(text, &number) && from_number(number, scale, ret);
}
