/* Where one indicator ends and the sentence around it begins: each rule of the finders, from both sides. */
#include "expr_helpers.h"

#include "expr/ioc.h"

static void addresses_end_where_they_end(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "iocs('10.0.0.1-x 10.0.0.1-10.0.0.9x').ipv4", "[]" },
        { "iocs('10.0.0.0/ 10.0.0.0/33 10.0.0.0/1234 10.0.0.0/8/ 10.0.0.0/8x').cidr", "[]" },
        { "iocs('192.0.2.1/-x 192.0.2.1/login 192.0.2.1:8080/a 192.0.2.1:/b').url",
            "['192.0.2.1/login', '192.0.2.1:8080/a']" },
        { "iocs('1920.0.2.1 192.0.2.0001 192.0.2 192.0.2.').ipv4", "[]" },
        { "iocs('2001:db8::1/128 2001:db8:1::1/64').ipv6", "['2001:db8::1', '2001:db8:1::1']" },
        { "iocs('2001:db8::/32').ipv6", "[]" },
        { "iocs('2001:db8::, then').ipv6", "['2001:db8::']" },
        { "iocs('2001:db8::1: up').ipv6", "['2001:db8::1']" },
        { "iocs(':.: ::: a::b 1:2:3 x2001:db8::1 2001:db8::1x').ipv6", "[]" },
        { "iocs('.2001:db8::1').ipv6", "['2001:db8::1']" },
        { "iocs('::ffff:192.0.2.1').ipv6", "[]" },
        { "iocs('::ffff:192.0.2.1').ipv4", "['192.0.2.1']" },
        { "iocs('a.example.com:443/x b.example.com:/y').url", "['a.example.com:443/x']" },
        { "iocs('_x-.example.com. -a.example.com-').domain", "['a.example.com']" },
        { "iocs('%2Fevil.example.com %zzevil.example.com').domain",
            "['evil.example.com', 'zzevil.example.com']" },
        { "iocs('%a. %ag.example.com').domain", "['ag.example.com']" },
        { "iocs('x.github.io github.io co.uk').domain", "['x.github.io', 'github.io']" },
        { "iocs('os.system(x) john.me@ a.py a.rs/x').domain", "['a.rs']" },
        { "iocs(lists.range(100).map(i, 'abc').join('.') + '.com').domain", "[]" },
        { "iocs(lists.range(64).map(i, 'a').join() + '.com').domain", "[]" },
    };
    expr_expect_plain(ROWS(rows));
}

/* What texts of events are full of. */
static void look_alikes_are_no_indicators(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "iocs('Chrome/120.0.0.0 Safari/537.36').ipv4", "[]" },
        { "iocs('route/10.0.0.0 Chrome/1.2.0.0 x/9.0.0.0/8 HTTP/192.0.2.1').ipv4",
            "['10.0.0.0', '1.2.0.0', '192.0.2.1']" },
        { "iocs('the end.Next one, invoice.zip and clip.mov').domain", "[]" },
        { "iocs('Example.Com EXAMPLE.ORG evil.zip/x a.Example.com').domain",
            "['example.com', 'example.org', 'evil.zip', 'a.example.com']" },
        { "iocs('GET /admin/login.php HTTP/1.1').path", "['/admin/login.php']" },
        { "iocs('/Library/File System/a.b/c').path", "['/Library/File System/a.b/c']" },
        { "iocs('C:/Users/x/a.exe file:///C:/x/y.exe ab:/x/y').path",
            "['C:/Users/x/a.exe', 'C:/x/y.exe', "
            "'/x/y']" },
        { "iocs('BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4').wallet.size()", "1" },
        { "iocs('bc1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4').wallet", "[]" },
        { "iocs('http__evil.example.com/a hxxps:__evil.example.org').url",
            "['http://evil.example.com/a', 'https://evil.example.org']" },
        { "iocs('http__handler.next_step http__x').url", "[]" },
        { "iocs('2001[:]db8[:][:]1 2001:db8[::]2').ipv6", "['2001:db8::1', '2001:db8::2']" },
    };
    expr_expect_plain(ROWS(rows));
}

static void marks_beyond_ascii_end_words_and_letters_do_not(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "['\\u0080', '\\u00a0', '\\u00a9', '\\u00ab', '\\u00bb', '\\u1680', '\\u2000', '\\u206f', "
          "'\\u3000', "
          "'\\u301f', '\\uff00', '\\uff0f', '\\ufeff'].filter(c, iocs('192.0.2.1' + c + '192.0.2.2').ipv4 != "
          "['192.0.2.1', '192.0.2.2'])",
            "[]" },
        { "['\\u00aa', '\\u00ac', '\\u00bc', '\\u00e9', '\\u167f', '\\u1681', '\\u1fff', '\\u2070', "
          "'\\u2fff', "
          "'\\u3020', '\\ufefe', '\\uff10'].filter(c, iocs('192.0.2.1' + c + '192.0.2.2').ipv4 != [])",
            "[]" },
        { "iocs('b\\u00fccher.de\\u3002').domain", "['b\\u00fccher.de']" },
        { "iocs('\\u00e9d41d8cd98f00b204e9800998ecf8427e').md5", "[]" },
    };
    expr_expect_plain(ROWS(rows));
}

static void urls_end_where_they_end(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "['<', '>', '\"', '`', '\\\\', '|', '^', '\\x7f', '\\u00e9', ' '].filter(c, "
          "iocs('http://a.example/x' + c + 'y').url != ['http://a.example/x'])",
            "[]" },
        { "iocs('http://a.example/x[1]{2}(3)').url", "['http://a.example/x[1]{2}(3)']" },
        { "iocs('[http://a.example/x] {http://b.example/y} (http://c.example/z)').url",
            "['http://a.example/x', 'http://b.example/y', 'http://c.example/z']" },
        { "iocs('http://a.example? http://a.example/?! http://b.example#x').url",
            "['http://a.example', 'http://a.example/', 'http://b.example#x']" },
        { "iocs('http://a+b~c!d$e&f*g=h;i%20@a.example/').url",
            "['http://a+b~c!d$e&f*g=h;i%20@a.example/']" },
        { "iocs('http://[' + lists.range(60).map(i, 'a').join() + ']/').url", "[]" },
        { "iocs('http://[2001:db8 ::1]/ http://[2001:db8').url", "[]" },
        { "iocs('http://[a.example]/x').domain", "['a.example']" },
        { "iocs('http://[a.example]/x http://[intranet]/y http://[1.2]/z').url",
            "['http://[a.example]/x', 'http://[intranet]/y']" },
        { "iocs('http://intranet?x http://intranet#y http://intranet:80 http://intranet:x').url",
            "['http://intranet?x', 'http://intranet#y', 'http://intranet:80']" },
        { "iocs('http://' + lists.range(64).map(i, 'a').join() + '/ http://1abc/ http://a_b/').url", "[]" },
        { "iocs('http://... http://-/').url", "[]" },
        { "iocs('http://a.example./x http://a.example-').url",
            "['http://a.example./x', 'http://a.example']" },
        { "iocs('http://' + lists.range(45).map(i, 'a').join() + ':/').url", "[]" },
        { "iocs('http://:80/').url", "[]" },
        { "iocs(lists.range(40).map(i, 'http://a' + string(i) + '.example/').join(' ')).url.size()", "40" },
        { "iocs(lists.range(20).map(i, 'http://u@a' + string(i) + '.example/').join(' ')).email", "[]" },
        { "iocs('http%3A%2F%2Fa.example%2F' + lists.range(500).map(i, 'abcde').join()).url[0].size() < 2100",
            "true" },
        { "iocs('http%3A%2F%2Fa.example%2Fx%2').url", "['http://a.example/x%2']" },
        { "iocs('http%3A%2F%2Fa.example%2Fx%g1%1g').url", "['http://a.example/x%g1%1g']" },
        { "iocs('%3A%2F%2Fa.example 100%').url", "[]" },
        { "iocs('http%3A%2F%2F').url", "[]" },
        { "iocs('xhttps://a.example/ ://b.example/').url", "['https://a.example/', 'b.example/']" },
        { "iocs('a~b@x.example a#b@x.example a%b@x.example a+b@x.example').email",
            "['a~b@x.example', 'a#b@x.example', 'a%b@x.example', 'a+b@x.example']" },
        { "iocs('user@[192.0.2.1 user@[192.0.2.1]').email", "['user@[192.0.2.1]']" },
        { "iocs(lists.range(99).map(i, 'a').join() + '@b.example a@b.example\\u00e9').email", "[]" },
        { "iocs('http://in-tranet/x').url", "['http://in-tranet/x']" },
        { "iocs('a@b.example- a@- a@. a@ @b.example ..@b.example').email", "['a@b.example']" },
        { "iocs('a@' + lists.range(100).map(i, 'abc').join('.') + '.com').email", "[]" },
        { "iocs(lists.range(65).map(i, 'a').join() + '@b.example').email", "[]" },
        { "iocs(lists.range(64).map(i, 'a').join() + '@b.example').email.size()", "1" },
    };
    expr_expect_plain(ROWS(rows));
}

static void hashes_say_what_they_are_of(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "iocs('import hash: ' + md5('a')).imphash", "[md5('a')]" },
        { "iocs('IMPHASH = ' + md5('a')).imphash", "[md5('a')]" },
        { "iocs('imphash' + lists.range(25).map(i, ' ').join() + md5('a')).md5", "[md5('a')]" },
        { "iocs('  ' + md5('a')).md5", "[md5('a')]" },
        { "iocs('_' + md5('a') + ' ' + md5('b') + '_').md5", "[]" },
        { "iocs('12345678901:abcdefghijkl:abcdefghijkl').ssdeep", "[]" },
        { "iocs('12:ab:abcdefghijklmnopq 12:abc/def+ghij:abcdefg:x').ssdeep", "[]" },
        { "iocs('12:' + lists.range(101).map(i, 'a').join() + ':abcdef').ssdeep", "[]" },
        { "iocs('12:abc/def+ghij:abcdefg').ssdeep", "['12:abc/def+ghij:abcdefg']" },
    };
    expr_expect_plain(ROWS(rows));
}

static void ids_have_their_digits_and_no_more(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "iocs('CVE  2021-44228 CVE:2021-44228 CVE-2021 44228 CVX-2021-44228').cve", "[]" },
        { "iocs('asn 64496, AS   64497, AS    64498, AS-1, ASx, AS7_, AS99999999999999999999999').asn",
            "['AS64496', 'AS64497']" },
        { "iocs('T1059.001x T1059.01 G0016.001 TA0001.001 T1059.001').attack",
            "['T1059', 'G0016', 'TA0001', 'T1059.001']" },
        { "iocs('T10590 T105x X1059 M1036 DS0009 DS1009').attack", "['M1036', 'DS0009']" },
        { "iocs('123e4567-e89b-12d3-a456-42661417400 123e4567-e89b.12d3-a456-426614174000 "
          "123e4567-e89b-12d3-a456-426614174000_x 123e456g-e89b-12d3-a456-426614174000').uuid",
            "[]" },
        { "iocs('PUB-1234567891234567 pub-1234567891234567x ua-1234-1 Ua-1234-2').tracker",
            "['pub-1234567891234567', 'UA-1234-1']" },
        { "iocs('00-1B-44-11-3A-B7-x 00-1B-44-11-3A-B8-00 00:1B:44:11:3A:B9_ 00:1B:44:11:3A').mac",
            "['00:1b:44:11:3a:b7']" },
        { "iocs('1b44.113a.b700.ffff zz:1B:44:11:3A:B7 001B-4411-3AB7').mac", "[]" },
    };
    expr_expect_plain(ROWS(rows));
}

static void wallets_have_their_checksums(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        /* BIP 350's examples, the first with a digit changed. */
        { "iocs('bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0').wallet.size()", "1" },
        { "iocs('bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj1').wallet", "[]" },
        { "iocs('bc1bbbbbbbbbbbbbbbbb bc1' + lists.range(100).map(i, 'q').join()).wallet", "[]" },
        { "iocs('3' + lists.range(34).map(i, 'z').join()).wallet", "[]" },
        { "iocs('1' + lists.range(30).map(i, '0').join()).wallet", "[]" },
        { "iocs('2BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2').wallet", "[]" },
        { "iocs(lists.range(42).map(i, 'a').join()).wallet", "[]" },
        { "iocs('8A' + lists.range(93).map(i, '1').join()).wallet.size()", "1" },
        { "['0', 'O', 'I', 'l'].filter(c, iocs('8A' + lists.range(92).map(i, '1').join() + c).wallet != [])",
            "[]" },
        { "iocs('7A' + lists.range(93).map(i, '1').join()).wallet", "[]" },
        { "iocs('0x1a1db93766e31994507511c9c70a1dd94465cf6d').sha1",
            "['1a1db93766e31994507511c9c70a1dd94465cf6d']" },
    };
    expr_expect_plain(ROWS(rows));
}

static void paths_end_where_they_end(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "['*', '?', '\"', '|', ':', '/', '\\t', '\\n', ',', ';', ')', '\\'', '<', '>', '\\u00e9']"
          ".filter(c, iocs('C:\\\\a\\\\b' + c + 'd').path != ['C:\\\\a\\\\b'])",
            "[]" },
        { "iocs(r'C:\\a\\b.exe. Then').path", "[r'C:\\a\\b.exe']" },
        { "iocs(r'C:\\a\\b.tar.gz x').path", "[r'C:\\a\\b.tar.gz']" },
        { "iocs(r'C:\\a\\b.exe_x y').path", "[r'C:\\a\\b.exe_x']" },
        { "iocs(r'C:\\a\\b.abcdefghijklmn o').path", "[r'C:\\a\\b.abcdefghijklmn']" },
        { "iocs(r'C:\\a\\b. x').path", "[r'C:\\a\\b']" },
        { "iocs(r'C:\\a\\b c, d').path", "[r'C:\\a\\b']" },
        { "iocs(r'C:\\a b\\c d e.txt').path", "[r'C:\\a b\\c']" },
        { "iocs(r'\\\\ a\\b').path", "[]" },
        { "iocs(r'C:\\a\\*').path", "[r'C:\\a']" },
        { "iocs(r'C:\\ ').path", "[]" },
        { "iocs(r'xC:\\a C:/ C;\\a \\\\a\\\\b \\\\\\a\\b x\\\\a\\b').path", "[]" },
        { "iocs(r'%ProgramFiles(x86)%\\a.exe|%%\\b|%A%c|x%A%\\d').path", "[r'%ProgramFiles(x86)%\\a.exe']" },
        { "iocs('C:' + lists.range(1000).map(i, '\\\\abcdef').join()).path[0].size() < 4200", "true" },
        { "iocs('C:' + lists.range(1000).map(i, '\\\\abcdef').join()).path[0].size() > 4000", "true" },
        { "iocs('/a-b/c.d/e+f/g~h/i@j/k%l/m$n').path", "['/a-b/c.d/e+f/g~h/i@j/k%l/m$n']" },
        { "['\"', '\\'', '`', '=', '(', '[', ',', ';', ':', ' '].filter(c, iocs('x' + c + '/etc/x').path != "
          "['/etc/x'])",
            "[]" },
        { "iocs('x/etc/y <b>/etc/z').path", "[]" },
        { "iocs('/Library/Application Support/x /Users/Foo Bar /Users/Foo bar/x /Users/Foo [/x').path",
            "['/Library/Application Support/x', '/Users/Foo', '/Users/Foo bar/x'].map(p, p == '/Users/Foo "
            "bar/x' "
            "? '/Users/Foo' : p).filter(p, true).distinct()" },
        { "iocs('/1/2 / // /x ~ ~/ /a/').path", "[]" },
        { "iocs(lists.range(1000).map(i, '/abcdef').join()).path[0].size() < 4200", "true" },
    };
    expr_expect_plain(ROWS(rows));
}

static void registry_keys_end_where_they_end(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "iocs(r'<HKLM>\\Software\\X|<HKCU\\y').registry", "[r'HKLM\\Software\\X', r'HKCU\\y']" },
        { "iocs(r'HKLM\\Software\\A HKCU\\Software\\B').registry",
            "[r'HKLM\\Software\\A', r'HKCU\\Software\\B']" },
        { "iocs(r'HKLM\\a b  c\\d').registry", "[r'HKLM\\a']" },
        { "iocs(r'HKLM\\a  b\\c').registry", "[r'HKLM\\a']" },
        { "iocs(r'HKLM\\a b c\\d').registry", "[r'HKLM\\a b c\\d']" },
        { "iocs(r'HKLM\\a b HKCU\\c\\d').registry", "[r'HKLM\\a', r'HKCU\\c\\d']" },
        { "iocs(r'HKLM\\a b' + lists.range(300).map(i, 'x').join() + r'\\c').registry", "[r'HKLM\\a']" },
        { "iocs(r'HKLM\\a b|c\\d').registry", "[r'HKLM\\a']" },
        { "iocs(r'HKLM\\a/b\\c, HKLM\\d; HKLM\\e|f HKLM\\g\u00e9').registry",
            "[r'HKLM\\a/b\\c', r'HKLM\\d', r'HKLM\\e', r'HKLM\\g']" },
        { "iocs(r'HKLM x|HKLM:|HKLM\\|_HKLM\\x|HKLMX\\y').registry", "[]" },
        { "iocs('HKLM' + lists.range(1000).map(i, '\\\\abcdef').join()).registry[0].size()", "4096" },
    };
    expr_expect_plain(ROWS(rows));
}

static void defanging_knows_each_scheme_and_host(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "defang('ftp://a.example/x.y')", "'fxp://a[.]example/x.y'" },
        { "defang('smb://a.example/x')", "'smb://a[.]example/x'" },
        { "defang('HTTPS://a.example')", "'hxxpS://a[.]example'" },
        { "defang('evil.example.com')", "'evil[.]example[.]com'" },
        { "defang('u@[192.0.2.1]')", "'u@[192[.]0[.]2[.]1]'" },
        { "defang('a@b.example')", "'a[@]b[.]example'" },
        { "defang('a @ b.example')", "'a @ b[.]example'" },
        /* A host's end may be a scheme: ws is one, and a country's. */
        { "defang('a.ws://b.example/x')", "'a[.]ws://b[.]example/x'" },
        { "defang('10.0.0.1-10.0.0.2')", "'10[.]0[.]0[.]1-10[.]0[.]0[.]2'" },
        { "defang('http://192.0.2.1/ http://intranet/')", "'hxxp://192[.]0[.]2[.]1/ hxxp://intranet/'" },
        { "defang('')", "''" },
    };
    expr_expect_plain(ROWS(rows));
}

static void what_is_refanged_has_a_form_of_its_own(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "refang('a[.')", "'a[.'" },
        { "refang('a.] b[.]')", "'a.] b[.]'" },
        { "refang('a.]b')", "'a.b'" },
        { "refang('a[.b')", "'a.b'" },
        { "refang('a[dot b')", "'a[dot b'" },
        { "refang('a [dot]b')", "'a.b'" },
        { "refang('a [dot] b')", "'a.b'" },
        { "refang('a [x] b')", "'a [x] b'" },
        { "refang('a(.)b{dot}c<d0t>d[punkt]e[point]f')", "'a.b.c.d.e.f'" },
        { "refang('http://a,example,com/ http://a,b.example/ http://a,/ http://,/ http://a,b/')",
            "'http://a.example.com/ http://a,b.example/ http://a,/ http://,/ http://a,b/'" },
        { "refang('http://1,2,3/ http://1,2,3,4')", "'http://1,2,3/ http://1.2.3.4'" },
        { "refang('http://' + lists.range(200).map(i, 'a').join(',') + '/').contains(',')", "true" },
        { "refang('h[')", "'h['" },
        { "refang('http://1-2,example,com/')", "'http://1-2.example.com/'" },
        { "refang('x[:]y a[.] b a[.]-c')", "'x:y a[.] b a[.]-c'" },
        { "refang('http[:]//a-b,example,com/x')", "'http://a-b.example.com/x'" },
        { "refang('xhxxp://a hxxp:/a hxxps[:]//a HTTPs://a meow://a nxxp_//b hxxp//:c fxtp[:][/][/]d')",
            "'xhxxp://a hxxp:/a https://a HTTPs://a http://a http://b http://c ftp://d'" },
        { "refang('hxxp:// a')", "'http://a'" },
        { "refang('[.]a')", "'[.]a'" },
        { "refang('a.\\\\b')", "'a.b'" },
        { "refang('a[[[[[[[[[[.]b')", "'a[[[[[[[[[[.]b'" },
        { "refang('a[.][.]b')", "'a[.][.]b'" },
    };
    expr_expect_plain(ROWS(rows));
}

static enum err stop(void *context, const struct ioc *found, struct err_info *why)
{
    (void)context, (void)found;
    return err_set(why, ERR_CANCELLED, "enough");
}

static void who_asks_for_no_reason_gets_the_error_alone(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    assert_int_equal(ioc_each(&arena, STR("192.0.2.1"), stop, NULL, NULL), ERR_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_end_where_they_end),
        cmocka_unit_test(look_alikes_are_no_indicators),
        cmocka_unit_test(marks_beyond_ascii_end_words_and_letters_do_not),
        cmocka_unit_test(urls_end_where_they_end),
        cmocka_unit_test(hashes_say_what_they_are_of),
        cmocka_unit_test(ids_have_their_digits_and_no_more),
        cmocka_unit_test(wallets_have_their_checksums),
        cmocka_unit_test(paths_end_where_they_end),
        cmocka_unit_test(registry_keys_end_where_they_end),
        cmocka_unit_test(defanging_knows_each_scheme_and_host),
        cmocka_unit_test(what_is_refanged_has_a_form_of_its_own),
        cmocka_unit_test(who_asks_for_no_reason_gets_the_error_alone),
    };
    return cmocka_run_group_tests_name("expr_ioc", tests, NULL, NULL);
}
