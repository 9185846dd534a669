#include "expr_helpers.h"

static void positions_count_code_points(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "size('')", "0" },
        { "'\303\251\360\237\230\200'.size()", "2" },
        { "size(b'\303\251')", "2" },
        { "'tacocat'.charAt(3)", "'o'" },
        { "'tacocat'.charAt(7)", "''" },
        { "'tacocat'.charAt(8)", "!out of range" },
        { "'tacocat'.charAt(-1)", "!out of range" },
        { "'\302\251\316\261T'.charAt(1)", "'\316\261'" },
        { "'tacocat'.indexOf('o')", "3" },
        { "'tacocat'.indexOf('')", "0" },
        { "'tacocat'.indexOf('x')", "-1" },
        { "'ta\302\251o\302\251at'.indexOf('\302\251')", "2" },
        { "'ta\302\251o\302\251at'.indexOf('\302\251', 3)", "4" },
        { "'tacocat'.indexOf('a', 3)", "5" },
        { "'tacocat'.indexOf('at', 3)", "5" },
        { "'tacocat'.indexOf('a', -1)", "!out of range" },
        { "'tacocat'.indexOf('a', 30)", "-1" },
        { "'tacocat'.indexOf('', 30)", "30" },
        { "'tacocat'.lastIndexOf('at')", "5" },
        { "'tacocat'.lastIndexOf('')", "7" },
        { "'tacocat'.lastIndexOf('none')", "-1" },
        { "'tacocat'.lastIndexOf('a', 4)", "1" },
        { "'tacocat'.lastIndexOf('', 3)", "3" },
        { "'tacocat'.lastIndexOf('a', -1)", "!out of range" },
        { "'tacocat'.lastIndexOf('a', 30)", "-1" },
        { "'ab'.lastIndexOf('abc')", "-1" },
        { "'tacocat'.substring(4)", "'cat'" },
        { "'tacocat'.substring(7)", "''" },
        { "'tacocat'.substring(0, 4)", "'taco'" },
        { "'ta\302\251o\302\251at'.substring(2, 4)", "'\302\251o'" },
        { "'tacocat'.substring(8)", "!out of range" },
        { "'tacocat'.substring(-1)", "!out of range" },
        { "'tacocat'.substring(2, 1)", "!invalid substring range" },
        { "'tacocat'.substring(0, 9)", "!out of range" },
        { "'tacocat'.substring(-1, 2)", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void searching_takes_any_part(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "'foobar'.contains('oba')", "true" },
        { "'foobar'.contains('')", "true" },
        { "''.contains('a')", "false" },
        { "'foobar'.startsWith('foo')", "true" },
        { "'foobar'.startsWith('')", "true" },
        { "'foo'.startsWith('foobar')", "false" },
        { "'foobar'.endsWith('bar')", "true" },
        { "'foobar'.endsWith('')", "true" },
        { "'\303\251'.endsWith('\303\251')", "true" },
        { "'foobar'.matches('o+b')", "true" },
        { "'foobar'.matches('^oo')", "false" },
        { "matches('foobar', '^f.*r$')", "true" },
        { "'a\\nb'.matches('a.b')", "false" },
        { "'a\\nb'.matches('(?s)a.b')", "true" },
        { "'\303\251'.matches('^.$')", "true" },
        { "'\302\261'.matches('\\\\pS')", "true" },
        { "'foo'.matches('(')", "!pattern is wrong" },
        { "'foo'.matches('(' + dyn(')') + '(')", "!pattern is wrong" },
        { "'aa'.matches('(a)\\\\1')", "!" },
        { "'foo'.matches('(?=f)')", "!" },
        { "'x'.contains(1)", "!" },
        { "contains('a', 'b')", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void texts_are_cut_and_joined(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "'a,b,,c'.split(',')", "['a', 'b', '', 'c']" },
        { "''.split(',')", "['']" },
        { "'abc'.split('')", "['a', 'b', 'c']" },
        { "''.split('')", "[]" },
        { "'a,b,c'.split(',', 0)", "[]" },
        { "'a,b,c'.split(',', 1)", "['a,b,c']" },
        { "'a,b,c'.split(',', 2)", "['a', 'b,c']" },
        { "'a,b,c'.split(',', -1)", "['a', 'b', 'c']" },
        { "'a,b,c'.split(',', 10)", "['a', 'b', 'c']" },
        { "'\303\251\303\251'.split('', 1)", "['\303\251\303\251']" },
        { "'a--b'.split('--')", "['a', 'b']" },
        { "['a', 'b'].join()", "'ab'" },
        { "['a', 'b'].join('-')", "'a-b'" },
        { "[].join('-')", "''" },
        { "['a'].join('-')", "'a'" },
        { "dyn([1, 'a']).join(',')", "!join() takes strings" },
        { "'hello hello'.replace('he', 'we')", "'wello wello'" },
        { "'hello hello'.replace('he', 'we', 1)", "'wello hello'" },
        { "'hello hello'.replace('he', 'we', 0)", "'hello hello'" },
        { "'hello hello'.replace('he', 'we', -1)", "'wello wello'" },
        { "'hello'.replace('', '_')", "'_h_e_l_l_o_'" },
        { "'hello'.replace('', '_', 2)", "'_h_ello'" },
        { "''.replace('', 'x')", "'x'" },
        { "'aaa'.replace('aa', 'b')", "'ba'" },
        { "'abc'.replace('x', 'y')", "'abc'" },
        { "'abc'.replace('b', '')", "'ac'" },
        { "'  \\f\\n\\r\\t\\vtext  '.trim()", "'text'" },
        { "'\\u00a0\\u2003\\u3000x\\u0085\\u1680'.trim()", "'x'" },
        { "'\\u200bx\\ufeff'.trim().size()", "3" },
        { "'   '.trim()", "''" },
        { "'TacoCat'.lowerAscii()", "'tacocat'" },
        { "'TacoC\303\206t'.lowerAscii()", "'tacoc\303\206t'" },
        { "'tacoC\303\246t'.upperAscii()", "'TACOC\303\246T'" },
        { "'gums'.reverse()", "'smug'" },
        { "''.reverse()", "''" },
        { "'a\303\251\360\237\230\200'.reverse()", "'\360\237\230\200\303\251a'" },
    };
    expr_expect_plain(ROWS(rows));
}

static void quote_escapes_what_would_end_or_break_a_literal(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "strings.quote('hello')", "'\"hello\"'" },
        { "strings.quote('a\"b\\\\c')", "r'\"a\\\"b\\\\c\"'" },
        { "strings.quote('\\a\\b\\f\\n\\r\\t\\v')", "r'\"\\a\\b\\f\\n\\r\\t\\v\"'" },
        { "strings.quote('')", "'\"\"'" },
        { "strings.quote('\360\237\230\200\\u2028')", "'\"\360\237\230\200\\u2028\"'" },
        { "strings.quote(1)", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void format_shows_every_type_as_text(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "'no substitution'.format([])", "'no substitution'" },
        { "'%% %s %%'.format(['x'])", "'% x %'" },
        { "'%s'.format([true])", "'true'" },
        { "'%s'.format([-5])", "'-5'" },
        { "'%s'.format([5u])", "'5'" },
        { "'%s'.format([3.0])", "'3'" },
        { "'%s'.format([-0.0])", "'-0'" },
        { "'%s'.format([3.14])", "'3.14'" },
        { "'%s'.format([1e25])", "'10000000000000000000000000'" },
        { "'%s'.format([1e-7])", "'0.0000001'" },
        { "'%s'.format([double('nan')])", "'NaN'" },
        { "'%s'.format([double('-inf')])", "'-Infinity'" },
        { "'%s'.format([null])", "'null'" },
        { "'%s'.format([b'abc'])", "'abc'" },
        { "'%s'.format([b'a\\xff\\xfeb\\xffc'])", "'a\\ufffdb\\ufffdc'" },
        { "'%s'.format([int])", "'int'" },
        { "'%s'.format([type(null)])", "'null_type'" },
        { "'%s'.format([duration('1h45m0.5s')])", "'6300.5s'" },
        { "'%s'.format([duration('-1ns')])", "'-0.000000001s'" },
        { "'%s'.format([timestamp('2023-02-03T23:31:20.5+01:00')])", "'2023-02-03T22:31:20.5Z'" },
        { "'%s'.format([['a', dyn(1), null, [2.5]]])", "'[a, 1, null, [2.5]]'" },
        { "'%s'.format([{'b': 1, 'a': [true]}])", "'{a: [true], b: 1}'" },
        { "'%s'.format([{2: 'x', 10: 'y'}])", "'{10: y, 2: x}'" },
        { "'%s'.format([{}])", "'{}'" },
        { "'%s'.format([optional.of(1)])", "!" },
        { "'%s %s'.format(['a'])", "!out of range" },
        { "'%s'.format(1)", "!" },
        { "'%s, %s!'.format(['Hello', 'you'])", "'Hello, you!'" },
    };
    expr_expect_plain(ROWS(rows));
}

static void clauses_of_format_take_the_types_that_they_are_for(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "'%d'.format([7])", "'7'" },
        { "'%d'.format([-9223372036854775808])", "'-9223372036854775808'" },
        { "'%d'.format([18446744073709551615u])", "'18446744073709551615'" },
        { "'%d'.format([3.14])", "'3.14'" },
        { "'%d'.format(['a'])", "!decimal" },
        { "'%d'.format([true])", "!decimal" },
        { "'%f'.format([3.14])", "'3.140000'" },
        { "'%f'.format([1])", "'1.000000'" },
        { "'%f'.format([1u])", "'1.000000'" },
        { "'%.0f'.format([2.5])", "'2'" },
        { "'%.0f'.format([3.5])", "'4'" },
        { "'%.3f'.format([123.4999])", "'123.500'" },
        { "'%.3f'.format([123.4994])", "'123.499'" },
        { "'%.1f'.format([0.25])", "'0.2'" },
        { "'%f'.format([double('inf')])", "'Infinity'" },
        { "'%f'.format(['1'])", "!" },
        { "'%e'.format([1])", "'1.000000e+00'" },
        { "'%.1e'.format([-3.14])", "'-3.1e+00'" },
        { "'%.2e'.format([1e100])", "'1.00e+100'" },
        { "'%e'.format([double('nan')])", "'NaN'" },
        { "'%x'.format([255])", "'ff'" },
        { "'%X'.format([255u])", "'FF'" },
        { "'%x'.format([-30])", "'-1e'" },
        { "'%x'.format([-9223372036854775808])", "'-8000000000000000'" },
        { "'%x'.format(['hi\303\251'])", "'6869c3a9'" },
        { "'%X'.format([b'\\x00\\xff'])", "'00FF'" },
        { "'%x'.format([0])", "'0'" },
        { "'%x'.format([1.5])", "!hex" },
        { "'%o'.format([11])", "'13'" },
        { "'%o'.format([-8])", "'-10'" },
        { "'%o'.format([1.5])", "!octal" },
        { "'%b'.format([5])", "'101'" },
        { "'%b'.format([-5])", "'-101'" },
        { "'%b'.format([true])", "'1'" },
        { "'%b'.format(['a'])", "!binary" },
        { "'%'.format([1])", "!unexpected end" },
        { "'%z'.format([1])", "!unrecognized" },
        { "'%.f'.format([1.0])", "!no digits" },
        { "'%.2s'.format([1.0])", "!takes no precision" },
        { "'%.5000f'.format([1.0])", "!precision" },
        { "'%.40f'.format([0.1])", "'0.1000000000000000055511151231257827021182'" },
    };
    expr_expect_plain(ROWS(rows));
}

static void encoders_go_there_and_back(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "base64.encode(b'hello')", "'aGVsbG8='" },
        { "base64.encode(b'')", "''" },
        { "base64.decode('aGVsbG8=')", "b'hello'" },
        { "base64.decode('aGVsbG8')", "b'hello'" },
        { "base64.decode('')", "b''" },
        { "base64.decode('aGVs\\r\\nbG8=\\n')", "b'hello'" },
        { "base64.decode('aGVsbG8==')", "!illegal base64" },
        { "base64.decode('a')", "!illegal base64" },
        { "base64.decode('aGV$')", "!illegal base64" },
        { "base64.decode('====')", "!illegal base64" },
        { "base64.decode('_-8=')", "!illegal base64" },
        { "base64.encode(b'\\xff\\xef')", "'/+8='" },
        { "base64.encode('text')", "!" },
        { "hex.encode(b'\\x00\\xfe')", "'00fe'" },
        { "hex.decode('00fE')", "b'\\x00\\xfe'" },
        { "hex.decode('0')", "!odd" },
        { "hex.decode('0g')", "!illegal hex" },
        { "url.encode('a b/\303\251~')", "'a%20b%2F%C3%A9~'" },
        { "url.decode('a%20b%2f%C3%A9~+')", "'a b/\303\251~+'" },
        { "url.decode('%')", "!'%'" },
        { "url.decode('%4')", "!" },
        { "url.decode('%ff')", "!UTF-8" },
    };
    expr_expect_plain(ROWS(rows));
}

static void bytes_that_no_encoding_has_are_refused(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "base64.decode('A\\u0000AA')", "!input byte 1" },
        { "base64.decode('AB==')", "!bits are left over" },
        { "base64.decode('AAB=')", "!bits are left over" },
        { "base64.decode('AA=A')", "!input byte 3" },
        { "base64.decode('AAE=')", "b'\\x00\\x01'" },
        { "hex.decode('0g')", "!input byte 0" },
        { "hex.decode('00g0')", "!input byte 2" },
        { "url.encode('aZ09-._~/:@[{`\\u007f\\u00e9')", "'aZ09-._~%2F%3A%40%5B%7B%60%7F%C3%A9'" },
        { "strings.quote('a\\u0000b')", "'\"a\\u0000b\"'" },
        { "'abc'.replace('', 'x', 0)", "'abc'" },
        { "'abc'.lastIndexOf('c', 3)", "-1" },
        { "'abc'.lastIndexOf('c', 10)", "-1" },
        { "'\\u0085\\u00a0\\u2028\\u205f\\u3000x\\u200b'.trim()", "'x\\u200b'" },
        { "regex.extractAll('abax', 'a(x)?')", "['x']" },
        { "regex.replace('ab', 'a(x)?', '[\\\\1]')", "'[]b'" },
        { "regex.replace('ab', 'a', '\\\\')", "!backslash" },
        { "regex.replace('ab', 'a', '\\\\!')", "!backslash" },
        { "regex.replace('ab', 'a', '\\\\x')", "!backslash" },
        { "regex.replace('ab', 'a', '\\\\1')", "!group 1" },
        { "regex.replace('a', '()()()()()()()()()()()()()()()()()', '')", "!more than 16 groups" },
        { "['ab', 'ac'].map(x, regex.extract(x, 'a(.)').orValue(''))", "['b', 'c']" },
        { "['(', ')'].exists(x, 'a'.matches(x))", "!pattern is wrong" },
        { "'a'.matches(lists.range(9000).map(i, 'a').join())", "!EXPR_PATTERN_BYTES_MAX" },
        { "regex.extractAll('aab', '(?:a|b){2,300}')", "['aab']" },
    };
    expr_expect_plain(ROWS(rows));
}

static void patterns_extract_and_replace(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "regex.extract('id=42;', 'id=([0-9]+)')", "optional.of('42')" },
        { "regex.extract('id=42;', '[0-9]+')", "optional.of('42')" },
        { "regex.extract('none', '[0-9]+')", "optional.none()" },
        { "regex.extract('ab', '(a)(b)')", "!more than one" },
        { "regex.extract('ab', '(')", "!pattern is wrong" },
        { "regex.extractAll('a1b22', '[0-9]+')", "['1', '22']" },
        { "regex.extractAll('a=1,b=2', '([a-z])=')", "['a', 'b']" },
        { "regex.extractAll('x', 'y')", "[]" },
        { "regex.extractAll('\303\251a', '')", "['', '', '']" },
        { "regex.replace('a1b2', '[0-9]', '#')", "'a#b#'" },
        { "regex.replace('a1b2', '[0-9]', '#', 1)", "'a#b2'" },
        { "regex.replace('a1b2', '([a-z])([0-9])', r'\\2\\1')", "'1a2b'" },
        { "regex.replace('ab', 'b', r'[\\0]\\\\')", "'a[b]\\\\'" },
        { "regex.replace('ab', 'b', r'\\1')", "!group" },
        { "regex.replace('ab', 'b', r'\\x')", "!backslash" },
        { "regex.replace('abc', '', '-')", "'-a-b-c-'" },
    };
    expr_expect_plain(ROWS(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_count_code_points),
        cmocka_unit_test(searching_takes_any_part),
        cmocka_unit_test(texts_are_cut_and_joined),
        cmocka_unit_test(quote_escapes_what_would_end_or_break_a_literal),
        cmocka_unit_test(format_shows_every_type_as_text),
        cmocka_unit_test(clauses_of_format_take_the_types_that_they_are_for),
        cmocka_unit_test(encoders_go_there_and_back),
        cmocka_unit_test(bytes_that_no_encoding_has_are_refused),
        cmocka_unit_test(patterns_extract_and_replace),
    };
    return cmocka_run_group_tests_name("expr_strings", tests, NULL, NULL);
}
