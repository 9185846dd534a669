/* What encoders and readers do at the edges of their texts. */
#include "expr_helpers.h"

static void encoders_leave_nothing_that_their_sink_reads(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "encode_shell('a b')", "\"'a b'\"" },
        { "encode_shell(\"it's\")", "\"'it'\\\\''s'\"" },
        { "encode_shell('a\\u0000b')", "!zero byte" },
        { "encode_sql(\"it's\")", "\"'it''s'\"" },
        { "encode_sql('a\\\\b')", "!backslash" },
        { "encode_sql('a\\u0000b')", "!zero byte" },
        { "encode_ldap('a*(b)\\\\\\u0000')", "'a\\\\2a\\\\28b\\\\29\\\\5c\\\\00'" },
        { "encode_html('<a href=\"x\">`&\\'')", "'&lt;a href=&quot;x&quot;&gt;&#96;&amp;&#39;'" },
        { "encode_prompt('say \"a\\\\b\"\\n\\tend')", "'\"say \\\\\"a\\\\\\\\b\\\\\"\\\\n\\\\tend\"'" },
        { "encode_prompt('</data>')", "'\"\\\\u003c/data\\\\u003e\"'" },
        { "encode_prompt('a\\u2028b\\u2029c')", "'\"a\\\\u2028b\\\\u2029c\"'" },
        { "encode_prompt('a\\u0001\\u007f\\u009f\\u00ad\\u200b\\u200f\\u202a\\u202e\\u2060\\u206f\\ufeffb')",
            "'\"ab\"'" },
        { "encode_prompt('a\\U000e0000\\U000e0fff\\U000e1000b')", "'\"a\\U000e1000b\"'" },
        { "encode_prompt('\\u00a0\\u00e9\\u200a\\u2010\\u2029\\u202f\\u2070')",
            "'\"\\u00a0\\u00e9\\u200a\\u2010\\\\u2029\\u202f\\u2070\"'" },
    };
    expr_expect_plain(ROWS(rows));
}

static void syslog_with_a_version_says_what_is_wrong(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "parse_syslog('<>1 - - - - - -')", "!priority" },
        { "parse_syslog('<1234>1 - - - - - -')", "!priority" },
        { "parse_syslog('<34')", "!priority" },
        { "parse_syslog('<34>1 -').message", "'-'" },
        { "parse_syslog('<34>1 - ')", "!empty" },
        { "parse_syslog('<34>1 - h')", "!blank" },
        { "parse_syslog('<34>1 - h ')", "!empty" },
        { "parse_syslog('<34>1 - h a')", "!blank" },
        { "parse_syslog('<34>1 - h a 1')", "!blank" },
        { "parse_syslog('<34>1 - h a 1 id')", "!blank" },
        { "parse_syslog('<34>1 - h a 1 id ')", "!structured data" },
        { "parse_syslog('<34>1 - h a 1 id x')", "!structured data" },
        { "parse_syslog('<34>1 - h a - - []')", "!empty or longer" },
        { "parse_syslog('<34>1 - h a - - [aaaaaaaaaabbbbbbbbbbccccccccccddd x=\"1\"]')", "!empty or longer" },
        { "parse_syslog('<34>1 - h a - - [a ')", "!empty or longer" },
        { "parse_syslog('<34>1 - h a - - [a b]')", "!name=" },
        { "parse_syslog('<34>1 - h a - - [a b=c]')", "!name=" },
        { "parse_syslog('<34>1 - h a - - [a b=\"c]')", "!does not end" },
        { "parse_syslog('<34>1 - h a - - [a b=\"c\\\\')", "!does not end" },
        { "parse_syslog('<34>1 - h a - - [a b=\"c\"x')", "!does not end with ']'" },
        { "parse_syslog('<34>1 - h a - - [a b=\"c\"]x')", "!blank" },
        { "parse_syslog('<34>1 - h a - - [a b=\"\\\\]\\\\\"\\\\\\\\\\\\x\"][c]').structured_data",
            "{'a': {'b': ']\"\\\\\\\\x'}, 'c': {}}" },
        { "parse_syslog('<34>1 - h a - - -\\n').message", "!no such key" },
        { "parse_syslog('<34>1 - h a - - - x\\u0000\\n').message", "'x'" },
        { "parse_syslog('<34>1 - h\\u007f a - - - x')", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void syslog_of_old_is_read_as_far_as_it_goes(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "parse_syslog('<13>Oct 11 22:14:15 h su[1: x').message", "'su[1: x'" },
        { "parse_syslog('<13>Oct 11 22:14:15 h su[1 2]: x').message", "'su[1 2]: x'" },
        { "parse_syslog('<13>Oct 11 2214 h su: x').timestamp_text", "!no such key" },
        { "parse_syslog('<13>Oct 11 22:14 h su: x').timestamp_text", "!no such key" },
        { "parse_syslog('<13>Oct 11 22:14:1x h su: x').timestamp_text", "!no such key" },
        { "parse_syslog('<13>Oct 11 22-14:15 h su: x').timestamp_text", "!no such key" },
        { "parse_syslog('<13>Oct x1 22:14:15 h su: x').timestamp_text", "!no such key" },
        { "parse_syslog('<13>Oct 1122:14:15 h su: x').timestamp_text", "!no such key" },
        { "parse_syslog('<13>Oct 11 22:14:15. h su: x').timestamp_text", "'Oct 11 22:14:15'" },
        { "parse_syslog('<13>ctN 11 22:14:15 h su: x').timestamp_text", "!no such key" },
        { "parse_syslog('<13>2025 11 22:14:15 h su: x').timestamp_text", "!no such key" },
        { "parse_syslog('<13>Oct 11 2025x22:14:15 h su: x').timestamp_text", "!no such key" },
        { "parse_syslog('<13>1760220855 h su: x').app", "'su'" },
        { "parse_syslog('<13>1760220855.5x h su: x').timestamp", "!no such key" },
        { "parse_syslog('<13>2025-10-11T22:14:15Z - su: x').message", "'- su: x'" },
        { "parse_syslog('<13>2025-10-11T22:14:15Z [] su: x').message", "'[] su: x'" },
        { "parse_syslog('<13>2025-10-11T22:14:15Z [a] su: x').host", "'a'" },
        { "parse_syslog('<13>2025-10-11T22:14:15Z a_b-c.d su: x').host", "'a_b-c.d'" },
        { "parse_syslog('<13>2025-10-11T22:14:15Z a=b su: x').message", "'a=b su: x'" },
        { "parse_syslog('<13>2025-10-11T22:14:15Z host').message", "'host'" },
        { "parse_syslog('<13>1 x').message", "'x'" },
        { "parse_syslog('<13>0 x').host", "'0'" },
        { "parse_syslog('<13>1234 x').host", "'1234'" },
        { "parse_syslog('<13>12').message", "'12'" },
        { "parse_syslog('<13>1 2025x10').host", "!no such key" },
        { "parse_syslog('<13>1 20251011 x').host", "'20251011'" },
        { "parse_syslog('<13>1 -x').message", "'-x'" },
    };
    expr_expect_plain(ROWS(rows));
}

static void xml_that_is_none_says_where(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "parse_xml('\\ufeff<a>x</a>')", "{'a': 'x'}" },
        { "parse_xml('<a b>')", "!'='" },
        { "parse_xml('<a b=c/>')", "!" },
        { "parse_xml('<a b=\"c>')", "!" },
        { "parse_xml('<a>\\n\\n<b></a>')", "!" },
        { "parse_xml('<a></a x>')", "!" },
        { "parse_xml('<1a/>')", "!" },
        { "parse_xml('<-a/>')", "!" },
        { "parse_xml('<.a/>')", "!" },
        { "parse_xml('<a_b:c-d.e9/>')", "{'a_b:c-d.e9': null}" },
        { "parse_xml('<a>&#65;&#x42;&#x2f;</a>')", "{'a': 'AB/'}" },
        { "parse_xml('<a>&#;</a>')", "!" },
        { "parse_xml('<a>&#x;</a>')", "!" },
        { "parse_xml('<a>&#0;</a>')", "!" },
        { "parse_xml('<a>&#xd800;</a>')", "!" },
        { "parse_xml('<a>&#x110000;</a>')", "!" },
        { "parse_xml('<a>&#123456789;</a>')", "!" },
        { "parse_xml('<a>&#12</a>')", "!" },
        { "parse_xml('<a>&#1g;</a>')", "!" },
        { "parse_xml('<a>&unknown;</a>')", "!" },
        { "parse_xml('<a>&</a>')", "!" },
        { "parse_xml('<a><!-- c --><?pi x?><b/></a>')", "{'a': {'b': null}}" },
        { "parse_xml('<a><!-- c </a>')", "!" },
        { "parse_xml('<a><?pi </a>')", "!" },
        { "parse_xml('<!-- c --><a/><!-- d -->')", "{'a': null}" },
        { "parse_xml('<a/>x')", "!" },
        { "parse_xml('')", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoders_leave_nothing_that_their_sink_reads),
        cmocka_unit_test(syslog_with_a_version_says_what_is_wrong),
        cmocka_unit_test(syslog_of_old_is_read_as_far_as_it_goes),
        cmocka_unit_test(xml_that_is_none_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
