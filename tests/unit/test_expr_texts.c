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
        { "parse_syslog('<34>1 - ' + lists.range(256).map(i, 'h').join() + ' a - - - x')", "!too long" },
        { "parse_syslog('<34>1 - h a - - [a\\u007f b=\"c\"]')", "!" },
        { "parse_syslog('<34>1 - h a - - [a=b c=\"d\"]')", "!" },
        { "parse_syslog('<34>1 - h a - - [a\"b c=\"d\"]')", "!" },
        { "parse_syslog('<34>1 2026-01-01T00:00:00Zx h a - - - x')", "!" },
        { "parse_syslog('<34>1 1760220855.5x h a - - - x').host", "'1760220855.5x'" },
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
        { "parse_syslog('<13>Oc').message", "'Oc'" },
        { "parse_syslog('<13>Oct').message", "'Oct'" },
        { "parse_syslog('<13>Octx11 22:14:15 h su: x').timestamp_text", "!no such key" },
        { "parse_syslog('<13>Oct 11 22:1x:15 h su: x').timestamp_text", "!no such key" },
        { "parse_syslog('<13>Oct 11 22:14-15 h su: x').timestamp_text", "!no such key" },
        { "parse_syslog('<13>1760220855').message", "'1760220855'" },
        { "parse_syslog('<13>Oct 11 22:14:15 h :: su: x').message", "':: su: x'" },
        { "parse_syslog('<13>Oct 11 22:14:15 h s]u: x').message", "'s]u: x'" },
        { "parse_syslog('<13>Oct 11 22:14:15 h s\\u00e9u: x').message", "'s\\u00e9u: x'" },
        { "parse_syslog('<13>2025-10-11T22:14:15Z [a su: x').message", "'[a su: x'" },
        { "parse_syslog('<13>2025-10-11T22:14:15Z a{b su: x').message", "'a{b su: x'" },
        { "parse_syslog('<13>2025-10-11T22:14:15Z 2001:db8::1 su: x')",
            "{'facility': dyn(1), 'severity': 5, 'timestamp': timestamp('2025-10-11T22:14:15Z'), 'host': "
            "'2001:db8::1', 'app': 'su', 'message': 'x'}" },
        { "parse_syslog('<13>Oct 11 22:14:15 fe80::1: %A-1-2: x').host", "'fe80::1'" },
        { "parse_syslog('<13>Oct 11 22:14:15 fe80::1 CEF:0|a|b|c|d|e|5|').message", "'CEF:0|a|b|c|d|e|5|'" },
        { "parse_syslog('<13>Oct 11 22:14:15 abc:def: x').app", "'abc'" },
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
        { "parse_xml('<a\\r\\n\\tb=\"1\"\\r/>')", "{'a': {'@b': '1'}}" },
        { "parse_xml('<a>&#xe000;</a>')", "{'a': '\\ue000'}" },
        { "parse_xml('<a>&#x10ffff;</a>')", "{'a': '\\U0010ffff'}" },
        { "parse_xml('<a b=\"&bad;\"/>')", "!entity" },
        { "parse_xml('<a></')", "!" },
        { "parse_xml('<!-- x')", "!does not end" },
        { "parse_xml('<?xml')", "!does not end" },
        { "parse_xml('<a/><!-- x')", "!does not end" },
        { "parse_xml('')", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void events_are_read_whatever_they_lack(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "parse_cef('CEF:0|a|b|c|d|e|5').severity", "'5'" },
        { "parse_cef('CEF:0|a|b|c|d|e|5').extension", "{}" },
        { "parse_cef('CEF:0|a|b|c|d|e|5|msg=a\\\\nb\\\\rc\\\\|d\\\\\\\\e\\\\xf\\\\').extension.msg",
            "'a\\nb\\rc|d\\\\e\\\\xf\\\\'" },
        { "parse_cef('CEF:0|a|b|c|d|e|5|a-b=1\\tc.d=2 e[0]=3 f:g=4 h_i=5 J9=6').extension",
            "{'a-b': '1', 'c.d': '2', 'e[0]': '3', 'f:g': '4', 'h_i': '5', 'J9': '6'}" },
        { "parse_cef('CEF:0|a|b|c|d|e|5|a=b c$d=e =f g/=h').extension", "{'a': 'b c$d=e =f g/=h'}" },
        { "parse_leef('LEEF:2.0|V|P|1|E|x5E|a=1^b=2').attributes", "{'a': '1', 'b': '2'}" },
        { "parse_leef('LEEF:2.0|V|P|1|E||a=1\\tb=2').attributes", "{'a': '1', 'b': '2'}" },
        { "parse_leef('LEEF:2.0|V|P|1|E|a=1\\tb=2').attributes", "{'a': '1', 'b': '2'}" },
        { "['0xZZ', '0x1234', '0x80', '0x00', '0x', '^^'].map(d, parse_leef('LEEF:2.0|V|P|1|E|' + d + "
          "'|a=1\\tb=2').attributes.b).distinct()",
            "['2']" },
        { "parse_leef('LEEF:1.0|V|P|1|E|a=1 b=2 3').attributes", "{'a': '1', 'b': '2 3'}" },
        { "parse_leef('LEEF:1.0|V|P|1|E|a=1\\t=2\\tb\\tc=').attributes", "{'a': '1', 'c': ''}" },
        { "parse_leef('LEEF:1.0|V|P')", "!too few" },
    };
    expr_expect_plain(ROWS(rows));
}

static void rows_and_pairs_end_where_the_text_ends(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "parse_csv('\"a\"')", "[['a']]" },
        { "parse_csv('a,')", "[['a', '']]" },
        { "parse_csv('\\ufeffa,b')", "[['a', 'b']]" },
        { "parse_csv('a\\r\\nb\\rc')", "[['a'], ['b'], ['c']]" },
        { "parse_csv('a', '\"')", "!separator" },
        { "parse_csv('a', '\\n')", "!separator" },
        { "parse_csv('a', '')", "!separator" },
        { "parse_csv_records('n;v\\na;1', ';')", "[{'n': 'a', 'v': '1'}]" },
        { "parse_csv_records('n', 'ab')", "!separator" },
        { "parse_kv('a=\"x\\\\')", "!does not end" },
        { "parse_kv('a=\"x\\\\y\\\\\\\\\"')", "{'a': 'x\\\\y\\\\'}" },
        { "parse_kv(\"a='x\\\\'y'\")", "{'a': \"x'y\"}" },
        { "parse_kv('a=')", "{'a': ''}" },
        { "parse_kv('=b c')", "{}" },
        { "parse_json('{\"a\": 1, \"a\": 2}')", "{'a': 2}" },
    };
    expr_expect_plain(ROWS(rows));
}

static void long_texts_are_paid_for_by_their_size(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "'abcdefghijklmnopqrstuvwxyz0123456789'.contains('xyz')", "true" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789'.startsWith('abcdefghijklmnopqrstuvwxyz0123456789')",
            "true" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789'.endsWith('abcdefghijklmnopqrstuvwxyz0123456789')", "true" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789'.indexOf('9')", "35" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789'.indexOf('9', 3)", "35" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789'.lastIndexOf('a')", "0" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789'.lastIndexOf('a', 35)", "0" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789'.replace('a', 'b').size()", "36" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789'.replace('', '-', 1)",
            "'-abcdefghijklmnopqrstuvwxyz0123456789'" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789'.split('m').size()", "2" },
        { "' abcdefghijklmnopqrstuvwxyz0123456789 '.trim()", "'abcdefghijklmnopqrstuvwxyz0123456789'" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789'.upperAscii().lowerAscii()",
            "'abcdefghijklmnopqrstuvwxyz0123456789'" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789' < 'abcdefghijklmnopqrstuvwxyz0123456789'", "false" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789' <= 'abcdefghijklmnopqrstuvwxyz0123456789'", "true" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789' > 'abcdefghijklmnopqrstuvwxyz0123456789'", "false" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789' >= 'abcdefghijklmnopqrstuvwxyz0123456789'", "true" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789' == 'abcdefghijklmnopqrstuvwxyz0123456789'", "true" },
        { "('abcdefghijklmnopqrstuvwxyz0123456789' + 'abcdefghijklmnopqrstuvwxyz0123456789').size()", "72" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789'.matches('^a.*9$')", "true" },
        { "'%s'.format(['abcdefghijklmnopqrstuvwxyz0123456789'])", "'abcdefghijklmnopqrstuvwxyz0123456789'" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789'.charAt(35)", "'9'" },
        { "double('1000000000000000000000000000000000000000')", "1e39" },
        { "string(b'abcdefghijklmnopqrstuvwxyz0123456789')", "'abcdefghijklmnopqrstuvwxyz0123456789'" },
        { "md5('abcdefghijklmnopqrstuvwxyz0123456789')", "'6d2286301265512f019781cc0ce7a39f'" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789'.lastIndexOf('9', 36)", "-1" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789'.replace('', '-', 0).size()", "36" },
        { "'abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789%d'.format([1])",
            "'abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz01234567891'" },
        { "'\\u00a0\\u1680\\u2000\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000x'.trim()", "'x'" },
        { "b'abcdefghijklmnopqrstuvwxyz0123456789' < b'abcdefghijklmnopqrstuvwxyz0123456789'", "false" },
        { "[ 'abcdefghijklmnopqrstuvwxyz0123456789' ].join('abcdefghijklmnopqrstuvwxyz0123456789').size()",
            "36" },
    };
    expr_expect_plain(ROWS(rows));
}

static void numbers_at_the_end_of_their_range_do_not_wrap(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "double('nan') < 1.0", "false" },
        { "double('nan') <= 1.0", "false" },
        { "double('nan') > 1.0", "false" },
        { "double('nan') >= 1.0", "false" },
        { "(-9223372036854775807 - 1) / -1", "!overflow" },
        { "(-9223372036854775807 - 1) % -1", "!overflow" },
        { "-9223372036854775808 / 1", "-9223372036854775808" },
        { "-9223372036854775808 % 5", "-3" },
    };
    expr_expect_plain(ROWS(rows));
}

static void addresses_are_told_by_their_kind(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "ip('169.254.1.1').isLinkLocalUnicast()", "true" },
        { "ip('169.1.1.1').isLinkLocalUnicast()", "false" },
        { "ip('fe80::1').isLinkLocalUnicast()", "true" },
        { "ip('fe00::1').isLinkLocalUnicast()", "false" },
        { "ip('224.0.0.1').isLinkLocalMulticast()", "true" },
        { "ip('224.0.1.1').isLinkLocalMulticast()", "false" },
        { "ip('224.1.0.1').isLinkLocalMulticast()", "false" },
        { "ip('10.0.0.1').isLinkLocalMulticast()", "false" },
        { "ip('ff02::1').isLinkLocalMulticast()", "true" },
        { "ip('ff05::1').isLinkLocalMulticast()", "false" },
        { "ip('fe80::1').isLinkLocalMulticast()", "false" },
        { "ip('0.0.0.0').isGlobalUnicast()", "false" },
        { "ip('127.0.0.1').isGlobalUnicast()", "false" },
        { "ip('224.0.0.1').isGlobalUnicast()", "false" },
        { "ip('169.254.0.1').isGlobalUnicast()", "false" },
        { "ip('8.8.8.8').isGlobalUnicast()", "true" },
        { "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", "true" },
        { "cidr('10.0.0.0/8').containsCIDR('11.0.0.0/16')", "false" },
        { "cidr('10.0.0.0/8').containsCIDR('10.0.0.0/4')", "false" },
        { "cidr('10.0.0.0/8').containsCIDR('x')", "!" },
        { "cidr('10.0.0.0/8').containsCIDR(cidr('10.0.0.0/4'))", "false" },
        { "cidr('10.0.0.0/8').containsCIDR(cidr('11.0.0.0/16'))", "false" },
        { "cidr('10.0.0.0/8').containsCIDR(cidr('10.0.0.0/16'))", "true" },
    };
    expr_expect_plain(ROWS(rows));
}

static void formats_take_what_they_are_for(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "'%b %b %b'.format([true, false, 5u])", "'1 0 101'" },
        { "'%s %s'.format([ip('192.0.2.1'), cidr('10.0.0.0/8')])", "'192.0.2.1 10.0.0.0/8'" },
        { "'%x'.format([255u])", "'ff'" },
        { "'%e'.format(['x'])", "!" },
        { "'%f'.format(['x'])", "!" },
        { "'%o'.format(['x'])", "!" },
        { "'%d'.format(['x'])", "!" },
        { "'%.x'.format([1.0])", "!" },
        { "'%.3'.format([1.0])", "!" },
        { "'%'.format([1])", "!" },
        { "'%s'.format([])", "!" },
        { "'%s'.format([-1.5e300]).size()", "302" },
        { "'%s'.format([-1e-7])", "'-0.0000001'" },
        { "'%s'.format([1.5e-7])", "'0.00000015'" },
        { "'%.400f'.format([1e308]).size()", "710" },
        { "'%.3:'.format([1.0])", "!" },
        { "'%.3-'.format([1.0])", "!" },
        { "'%o %o'.format([8, 8u])", "'10 10'" },
        { "'%s'.format([{'1': 'b', 1: 'a', 2: 'c', 'x': 'd'}])", "'{1: b, 1: a, 2: c, x: d}'" },
    };
    expr_expect_plain(ROWS(rows));
}

static void what_nearly_is_an_indicator_is_none(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "iocs('0xgggggggggggggggggggggggggggggggggggggggg').wallet", "[]" },
        { "iocs('bc1qqqqqqqqqqqqqq').wallet", "[]" },
        { "iocs('bc1').wallet", "[]" },
        { "iocs('"
          "40000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000')."
          "wallet",
            "[]" },
        { "iocs('"
          "4Blllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll')."
          "wallet",
            "[]" },
        { "iocs('"
          "4z111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111')."
          "wallet",
            "[]" },
        { "iocs('UA-1234-1 UA-123-1 UA-1234 UA-1234-12345 UA-1234-1x UA-12345678901-1 pub-12345678901234567 "
          "UA_1').tracker",
            "['UA-1234-1']" },
        { "iocs('AS ASN AS64496 as').asn", "['AS64496']" },
        { "iocs('CVE-2021 CVE-20x1-1234 CVE-2021-123 CVE-2021-1234567890 CVE-2021-1234a').cve", "[]" },
        { "iocs('a@b.example.org. a..@d.example.org').email", "['a@b.example.org']" },
        { "iocs('x@'+'a'.replace('a','example-').replace('e','e')+'.').email", "[]" },
    };
    expr_expect_plain(ROWS(rows));
}

/* A byte that no expression may have, at each place of one: it is refused there, or part of a text. */
static void a_wrong_byte_is_refused_wherever_it_stands(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "{'a': 1, ?'b': m.?c, }[x ? 1 : 2].f(g.h(1), -y) in [1, ?z, ] && !q || r",
        "a.b{c: 1, ?d: [2]}.e[?0].map(i, j, i < 1 && j >= 2, i + j * 3)",
        "has(a.b) && cel.bind(v, 1, v == 2)", "[,] == [,]", "{,} == {,}", "a[*].b[?*].c", ".a + .f(1)",
        "((a))", "-1 - -1.5", "!-1", "a.?b[?1]", "!!a", "--a"
    };
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        struct str source = str_of(sources[i]);
        for (size_t at = 0; at <= source.size; at++) {
            AUTO(arena) struct arena arena = { 0 };
            struct expr_env env = { .is_unchecked = true };
            struct err_info why = { 0 };
            struct expr *expr;
            struct str text;
            bool is_inside = at > 0 && at < source.size && source.data[at - 1] == '\'';
            assert_int_equal(arena_printf(&arena, &text, NULL, "%.*s@%.*s", STR_ARG(str_slice(source, 0, at)),
                                 STR_ARG(str_slice(source, at, source.size))),
                ERR_OK);
            enum err err = expr_compile(&arena, &env, text, &expr, &why);
            bool is_in_text = err == ERR_OK || is_inside;
            if (!is_in_text && (err != ERR_INVALID || strcmp(why.name, "expr_parse") != 0))
                fail_msg("%.*s: %s", STR_ARG(text), why.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoders_leave_nothing_that_their_sink_reads),
        cmocka_unit_test(syslog_with_a_version_says_what_is_wrong),
        cmocka_unit_test(syslog_of_old_is_read_as_far_as_it_goes),
        cmocka_unit_test(xml_that_is_none_says_where),
        cmocka_unit_test(events_are_read_whatever_they_lack),
        cmocka_unit_test(rows_and_pairs_end_where_the_text_ends),
        cmocka_unit_test(long_texts_are_paid_for_by_their_size),
        cmocka_unit_test(numbers_at_the_end_of_their_range_do_not_wrap),
        cmocka_unit_test(addresses_are_told_by_their_kind),
        cmocka_unit_test(formats_take_what_they_are_for),
        cmocka_unit_test(what_nearly_is_an_indicator_is_none),
        cmocka_unit_test(a_wrong_byte_is_refused_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
