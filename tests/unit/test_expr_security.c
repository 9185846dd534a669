#include "expr_helpers.h"

#include "expr/ioc.h"
#include "shared_data.h"

static void addresses_hosts_and_urls_are_found(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "iocs('').ipv4", "[]" },
        { "iocs('from 192.0.2.1 to 198.51.100.7.').ipv4", "['192.0.2.1', '198.51.100.7']" },
        { "iocs('192.0.2.01 192.0.2.1').ipv4", "['192.0.2.1']" },
        { "iocs('1.2.3.4.5 256.1.1.1 v1.2.3').ipv4", "[]" },
        { "iocs('10.0.0.1-10.0.0.9').ipv4", "['10.0.0.1', '10.0.0.9']" },
        { "iocs('10.0.0.1->host').ipv4", "['10.0.0.1']" },
        { "iocs('-10.0.0.1-').ipv4", "['10.0.0.1']" },
        { "iocs('2001:DB8::1, fe80::1.').ipv6", "['2001:db8::1', 'fe80::1']" },
        { "iocs('at 12:30:45 std::string ::').ipv6", "[]" },
        { "iocs('10.0.0.0/8 2001:db8::/32').cidr", "['10.0.0.0/8', '2001:db8::/32']" },
        { "iocs('10.0.0.0/8').ipv4", "[]" },
        { "iocs('10.1.2.3/8').ipv4", "['10.1.2.3']" },
        { "iocs('Evil.Example.COM and setup.py, a.b').domain", "['evil.example.com']" },
        { "iocs('see www.example.co.uk.').domain", "['www.example.co.uk']" },
        { "iocs('abc.onion x.invalidtld').domain", "['abc.onion']" },
        { "iocs('b\303\274cher.de').domain", "['b\303\274cher.de']" },
        { "iocs('(https://example.com/a?b=c#d), next').url", "['https://example.com/a?b=c#d']" },
        { "iocs('https://example.com/a_(b)').url", "['https://example.com/a_(b)']" },
        { "iocs('ftp://u:p@example.com:21/x').url", "['ftp://u:p@example.com:21/x']" },
        { "iocs('http%3A%2F%2Fexample.com%2Fa%F2b').url", "['http://example.com/a']" },
        { "iocs('u=http%3A%2F%2Fexample.com%2Fx&y').url", "['http://example.com/x']" },
        { "iocs('example.com/login').url", "['example.com/login']" },
        { "iocs('http://u@[2001:DB8::1]:80/x and http://[fe80::1').url", "['http://u@[2001:DB8::1]:80/x']" },
        { "iocs('http://[2001:DB8::1]:80/x').ipv6", "['2001:db8::1']" },
        { "iocs('http://2001:db8::1/').ipv6", "['2001:db8::1']" },
        { "iocs('http://intranet/a http://x').url", "['http://intranet/a']" },
        { "iocs('http://intranet/a').domain", "[]" },
        { "iocs('http://192,168,0,1/ http://example,com').url",
            "['http://192.168.0.1/', 'http://example.com']" },
        { "iocs('http://1.2.3.4.5/ http:///x foo://example.org').url", "[]" },
        { "iocs('user@[192.0.2.1] u@[x]').email", "['user@[192.0.2.1]']" },
        { "iocs('http://me@example.com:pw@x.example.org/').email", "[]" },
        { "iocs('1536:yB+A8bMtMeRlbIzvDqZL4QzNxVDm+5gt:N4tMsbOGcyrV6BQvnoZ4U').ssdeep.size()", "1" },
        { "iocs('12:34:56 and 1:2:3:4').ssdeep", "[]" },
        { "iocs('pub-1234567891234567 pub-123').tracker", "['pub-1234567891234567']" },
        { "iocs('T1059x TA00012 G0016').attack", "['G0016']" },
        { "iocs('"
          "496aKKdqF1xQSSEzw7wNrkZkDUsCD5cSmNCfVhVgEps52WERBcLDGzdF5UugmFoHMm9xRJdewvK2TFfAJNwEV25rTcVF5Vp')"
          ".wallet.size()",
            "1" },
        { "iocs('John.Doe@Example.com <a@b.example.org>').email",
            "['John.Doe@example.com', 'a@b.example.org']" },
        { "iocs('a@b').email", "[]" },
    };
    expr_expect_plain(ROWS(rows));
}

static void hashes_ids_and_paths_are_found(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "iocs('D41D8CD98F00B204E9800998ECF8427E').md5", "['d41d8cd98f00b204e9800998ecf8427e']" },
        { "iocs('da39a3ee5e6b4b0d3255bfef95601890afd80709').sha1",
            "['da39a3ee5e6b4b0d3255bfef95601890afd80709']" },
        { "iocs('x' + sha256('')).sha256", "[]" },
        { "iocs('sha256:' + sha256('')).sha256", "[sha256('')]" },
        { "iocs(sha512('a') + ' ' + sha512('b')).sha512", "[sha512('a'), sha512('b')]" },
        { "iocs('imphash: d41d8cd98f00b204e9800998ecf8427e').imphash",
            "['d41d8cd98f00b204e9800998ecf8427e']" },
        { "iocs('imphash: d41d8cd98f00b204e9800998ecf8427e').md5", "[]" },
        { "iocs('cve-2021-44228, CVE-1999-1').cve", "['CVE-2021-44228']" },
        { "iocs('AS64496 ASN 64497 as64498 as 5 as400 AS99999999999').asn",
            "['AS64496', 'AS64497', 'AS64498']" },
        { "iocs('00-1B-44-11-3A-B7 001b.4411.3ab8').mac", "['00:1b:44:11:3a:b7', '00:1b:44:11:3a:b8']" },
        { "iocs('00:1B:44:11:3A:B7:00').mac", "[]" },
        { "iocs('T1059.001, TA0001 and S0002; T9999').attack", "['T1059.001', 'TA0001', 'S0002']" },
        { "iocs('1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3').wallet",
            "['1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2']" },
        { "iocs('bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq').wallet",
            "['bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq']" },
        { "iocs('0x1a1db93766e31994507511c9c70a1dd94465cf6d').wallet",
            "['0x1a1db93766e31994507511c9c70a1dd94465cf6d']" },
        { "iocs(r'ran C:\\Windows\\System32\\cmd.exe, then').path", "[r'C:\\Windows\\System32\\cmd.exe']" },
        { "iocs('wrote /etc/cron.d/x and /tmp').path", "['/etc/cron.d/x']" },
        { "iocs(r'\\\\srv\\data$\\a.txt and \\\\srv\\b').path", "[r'\\\\srv\\data$\\a.txt', r'\\\\srv\\b']" },
        { "iocs(r'in %APPDATA%\\x\\y.exe or ~/.ssh/id').path", "[r'%APPDATA%\\x\\y.exe', '~/.ssh/id']" },
        { "iocs(r'HKLM:\\SOFTWARE\\X').registry", "[r'HKLM\\SOFTWARE\\X']" },
        { "iocs('CVE 2021-44228, cve_2020_0001, CVE\u20132019\u20130708').cve",
            "['CVE-2021-44228', 'CVE-2020-0001', 'CVE-2019-0708']" },
        { "iocs('_dmarc.example.com _example.com_').domain", "['_dmarc.example.com', 'example.com']" },
        { "iocs('https://a.example.com/r?u=http://b.example.com/x').domain",
            "['a.example.com', 'b.example.com']" },
        { "iocs(lists.range(3000).map(i, 'http://a.example.com/').join()).url.size()", "5" },
        { "iocs(r'HKLM\\Software\\Run Once\\x').registry", "[r'HKLM\\Software\\Run Once\\x']" },
        { "iocs('123E4567-e89b-12d3-a456-426614174000').uuid", "['123e4567-e89b-12d3-a456-426614174000']" },
        { "iocs('UA-000000-2').tracker", "['UA-000000-2']" },
        { "iocs('a.example.com a.example.com').domain", "['a.example.com']" },
        { "iocs('b.example.com http://a.example.com/').domain", "['b.example.com', 'a.example.com']" },
        { "iocs('authentihash ' + sha256('a')).authentihash", "[sha256('a')]" },
        { "iocs('authentihash ' + sha256('a')).sha256", "[]" },
        { "iocs(lists.range(10100).map(i, 'CVE-2021-' + string(10000 + i)).join(' ')).cve.size()", "10000" },
        { "iocs('x').size()", "22" },
        { "iocs('x').ipv5", "~did you mean 'ipv" },
    };
    expr_expect_plain(ROWS(rows));
}

struct seen {
    struct buf text;
    uint32_t count, stop_at;
};

static enum err see(void *context, const struct ioc *found, struct err_info *why)
{
    struct seen *seen = context;
    struct str kind = ioc_kind_name(found->kind);
    if (++seen->count == seen->stop_at)
        return err_set(why, ERR_CANCELLED, "enough");
    buf_printf(&seen->text, "%.*s %.*s; ", STR_ARG(kind), STR_ARG(found->value));
    return ERR_OK;
}

static void a_search_without_an_evaluation_tells_all_that_iocs_gathers(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct seen seen = { .count = 0 };
    struct err_info why = { 0 };
    struct str text = STR(
        "hxxp://evil[.]example[.]com/x, 192.0.2.1 CVE-2021-44228 /etc/x/y a@example.org AS64496");
    assert_int_equal(ioc_each(&arena, text, see, &seen, &why), ERR_OK);
    assert_string_equal(seen.text.data,
        "domain evil.example.com; url http://evil.example.com/x; domain example.org; email a@example.org; "
        "ipv4 192.0.2.1; cve CVE-2021-44228; asn AS64496; path /etc/x/y; ");
    seen.count = 0;
    seen.stop_at = 3;
    assert_int_equal(ioc_each(&arena, text, see, &seen, &why), ERR_CANCELLED);
    assert_int_equal(why.code, ERR_CANCELLED);
    assert_int_equal(seen.count, 3);
    buf_done(&seen.text);
}

static void what_was_defanged_is_found_as_it_was_meant(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "refang('hxxps[:]//evil[.]example[.]com/a')", "'https://evil.example.com/a'" },
        { "refang('hXXp://evil(dot)com')", "'http://evil.com'" },
        { "refang('1[.]2{.}3\\\\.4')", "'1.2.3.4'" },
        { "refang('user[at]evil[dot]com')", "'user@evil.com'" },
        { "refang('user [at] evil [dot] com')", "'user@evil.com'" },
        { "refang('fxp://a.example/')", "'ftp://a.example/'" },
        { "refang('10.10.10.]]]10')", "'10.10.10.10'" },
        { "refang('array[0].name f(x).y [.]')", "'array[0].name f(x).y [.]'" },
        { "refang('nothing to do')", "'nothing to do'" },
        { "refang('')", "''" },
        { "iocs('hxxp://evil[.]example[.]com/x').url", "['http://evil.example.com/x']" },
        { "iocs('evil[.]example[.]com').domain", "['evil.example.com']" },
        { "iocs('1.2.3[.]4').ipv4", "['1.2.3.4']" },
        { "defang('http://evil.example.com/a.b')", "'hxxp://evil[.]example[.]com/a.b'" },
        { "defang('mail a@example.com from 192.0.2.1')", "'mail a[@]example[.]com from 192[.]0[.]2[.]1'" },
        { "defang('no indicator. Really.')", "'no indicator. Really.'" },
        { "refang(defang('https://a.example.com/x, b@example.org'))",
            "'https://a.example.com/x, b@example.org'" },
        { "defang('10.0.0.1->WinEvtLog; x')", "'10[.]0[.]0[.]1->WinEvtLog; x'" },
    };
    expr_expect_plain(ROWS(rows));
}

static void hosts_are_cut_out_of_what_holds_them(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "domain_of('https://User:pw@WWW.Example.com:8443/a@b?c')", "'www.example.com'" },
        { "domain_of('a@Example.org')", "'example.org'" },
        { "domain_of('example.com.')", "'example.com'" },
        { "domain_of('hxxp://evil[.]example/x')", "'evil.example'" },
        { "domain_of('https://[2001:db8::1]:443/')", "'2001:db8::1'" },
        { "domain_of('')", "''" },
        { "domain_of('a.example?x')", "'a.example'" },
        { "domain_of('a.example#x')", "'a.example'" },
        { "domain_of('a.example\\\\x')", "'a.example'" },
        { "domain_of('2001:db8::1')", "'2001:db8::1'" },
        { "domain_of('[::1')", "'[::1'" },
        { "domain_of('...')", "''" },
        { "registered_domain('a.-b.com')", "'-b.com'.substring(0, 0)" },
        { "registered_domain('a-.com')", "''" },
        { "registered_domain('a..com')", "''" },
        { "registered_domain('com.')", "''" },
        { "registered_domain('a.b.onion')", "'b.onion'" },
        { "registered_domain('b.onion')", "'b.onion'" },
        { "registered_domain('a.b.\\u0440\\u0444')", "'b.\\u0440\\u0444'" },
        { "registered_domain('a.b.1')", "''" },
        { "registered_domain('a.b.x')", "''" },
        { "registered_domain('a.b.{x')", "''" },
        { "registered_domain(lists.range(64).map(i, 'a').join() + '.com')", "''" },
        { "registered_domain(lists.range(200).map(i, 'ab').join('.') + '.com')", "''" },
        { "registered_domain('https://a.b.example.co.uk/x')", "'example.co.uk'" },
        { "registered_domain('deep.example.com')", "'example.com'" },
        { "registered_domain('co.uk')", "''" },
        { "registered_domain('192.0.2.1')", "''" },
        { "registered_domain('x.github.io')", "'x.github.io'" },
        { "registered_domain('localhost')", "''" },
    };
    expr_expect_plain(ROWS(rows));
}

static void digests_distances_and_severities(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "md5('')", "'d41d8cd98f00b204e9800998ecf8427e'" },
        { "md5(b'abc')", "'900150983cd24fb0d6963f7d28e17f72'" },
        { "sha1('abc')", "'a9993e364706816aba3e25717850c26c9cd0d89d'" },
        { "sha256('abc')", "'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'" },
        { "sha512('abc').substring(0, 16)", "'ddaf35a193617aba'" },
        { "sha512('abc').size()", "128" },
        { "md5(1)", "!" },
        { "math.round(geo_distance_km(52.5, 13.4, 48.85, 2.35))", "877.0" },
        { "geo_distance_km(0, 0, 0, 0)", "0.0" },
        { "geo_distance_km(0u, 0u, 0u, 0u)", "0.0" },
        { "math.round(geo_distance_km(0, 0, 0, 180))", "20015.0" },
        { "math.round(geo_distance_km(90, 0, -90u == 0u ? 0 : 0, 0))", "!" },
        { "math.round(geo_distance_km(90, 0, -90, 0))", "20015.0" },
        { "geo_distance_km(91, 0, 0, 0)", "!degrees" },
        { "geo_distance_km(0, 0, 0, 181)", "!degrees" },
        { "geo_distance_km(0, 0, 0, double('nan'))", "!degrees" },
        { "geo_distance_km('a', 0, 0, 0)", "!" },
        { "[severity.UNKNOWN, severity.INFORMATIONAL, severity.LOW, severity.MEDIUM]", "[0, 1, 2, 3]" },
        { "[severity.HIGH, severity.CRITICAL, severity.FATAL]", "[4, 5, 6]" },
        { "severity.HGIH", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void urls_are_read_by_their_parts(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "parse_url('http://a.example?x').query", "'x'" },
        { "parse_url('http://[::1/x')", "!']'" },
        { "parse_url('1a://x')", "!scheme" },
        { "parse_url('http://a/?a=%41%zz&&b').params", "{'a': 'A%zz', 'b': ''}" },
        { "parse_url('http://a/?a=%ff').params", "{'a': '%ff'}" },
        { "parse_url('HTTPS://u@Example.com:8443/a/b?x=1&y=a%20b+c#f')",
            "{'scheme': 'https', 'user': 'u', 'host': 'example.com', 'port': dyn(8443), 'path': '/a/b', "
            "'query': 'x=1&y=a%20b+c', 'params': {'x': '1', 'y': 'a b c'}, 'fragment': 'f'}" },
        { "parse_url('http://[2001:db8::1]/').host", "'2001:db8::1'" },
        { "has(parse_url('http://a.example').port)", "false" },
        { "parse_url('no url')", "!scheme" },
        { "parse_url('http://')", "!no host" },
        { "parse_url('http://a:99999/')", "!port" },
        { "parse_url('http://a:x/')", "!port" },
        { "parse_url('http://a:/').host", "'a'" },
        { "parse_url('http://[]/')", "!no host" },
        { "parse_url('http://[::1]x/')", "!between the ']'" },
        { "parse_url('http://[::1]x:80/')", "!between the ']'" },
        { "parse_url('http://[::1]:80/').port", "80" },
        { "parse_url('a1+-.b://x/').scheme", "'a1+-.b'" },
        { "parse_url('a_://x')", "!scheme" },
        { "parse_url('a~://x')", "!scheme" },
        { "parse_url('http://x\\u0000y/').host", "!stands in the host" },
        { "parse_url('http://exa mple.com/')", "!stands in the host" },
        { "parse_url('http://<x>/')", "!stands in the host" },
        { "parse_url('http://a/?a=%4&b=%').params", "{'a': '%4', 'b': '%'}" },
    };
    expr_expect_plain(ROWS(rows));
}

static void structured_texts_become_values(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "parse_json('{\"a\": [1, 2.5, null, true]}')", "{'a': [dyn(1), 2.5, null, true]}" },
        { "parse_json('{')", "!parse_json: line 1" },
        { "parse_json('')", "!parse_json" },
        { "parse_json(to_json({'a': [1, 'x']}))", "{'a': [dyn(1), 'x']}" },
        { "to_json({'a': [dyn(1), 'x', null], 'b': true})", "'{\"a\":[1,\"x\",null],\"b\":true}'" },
        { "parse_csv('a,b\\n\"1,\\n2\",\"x\"\"y\"\\r\\n')", "[['a', 'b'], ['1,\\n2', 'x\"y']]" },
        { "parse_csv('a;b', ';')", "[['a', 'b']]" },
        { "parse_csv('')", "[]" },
        { "parse_csv('a,\\n\\n,b')", "[['a', ''], ['', 'b']]" },
        { "parse_csv('\"a')", "!does not end" },
        { "parse_csv('\"a\"b,c')", "!closing quote" },
        { "parse_csv('a', 'ab')", "!separator" },
        { "parse_csv_records('n,v\\na,1\\nb')", "[{'n': 'a', 'v': '1'}, {'n': 'b'}]" },
        { "parse_csv_records('n\\na,1')", "!row 2" },
        { "parse_kv('a=1 b=\"x \\\\\"y\\\\\"\" c=\\'z\\', d=')",
            "{'a': '1', 'b': 'x \"y\"', 'c': 'z', 'd': ''}" },
        { "parse_kv('no pairs')", "{}" },
        { "parse_kv('a=\"x')", "!does not end" },
        { "parse_cef(r'CEF:0|Vendor|Pro\\|duct|1.0|100|Name|10|src=10.0.0.1 msg=a b\\=c dst=x')",
            "{'version': '0', 'device_vendor': 'Vendor', 'device_product': 'Pro|duct', 'device_version': "
            "'1.0', "
            "'signature_id': '100', 'name': 'Name', 'severity': '10', 'extension': {'src': '10.0.0.1', "
            "'msg': 'a b=c', 'dst': 'x'}}" },
        { "parse_cef('<14>Jan 1 00:00:00 h CEF:0|a|b|c|d|e|5|').extension", "{}" },
        { "parse_cef('CEF:0|a|b')", "!too few fields" },
        { "parse_cef('nothing')", "!'CEF:'" },
        { "parse_leef('LEEF:1.0|V|P|1|E|a=1\\tb=2 3').attributes", "{'a': '1', 'b': '2 3'}" },
        { "parse_leef('LEEF:2.0|V|P|1|E|^|a=1^b=2').attributes", "{'a': '1', 'b': '2'}" },
        { "parse_leef('LEEF:2.0|V|P|1|E|0x5E|a=1^b=2').attributes", "{'a': '1', 'b': '2'}" },
        { "parse_leef('x')", "!'LEEF:'" },
        { "parse_syslog('<34>1 2003-10-11T22:14:15.003Z host su 77 ID47 [ex@1 a=\"b\\\\]\"] text')",
            "{'facility': dyn(4), 'severity': 2, 'timestamp': timestamp('2003-10-11T22:14:15.003Z'), "
            "'host': 'host', 'app': 'su', 'process_id': '77', 'message_id': 'ID47', "
            "'structured_data': {'ex@1': {'a': 'b]'}}, 'message': 'text'}" },
        { "parse_syslog('<34>2 - h a - - - x').host", "'h'" },
        { "parse_syslog('<34>Oct 11 22:14:15 mymachine su[9]: failed')",
            "{'facility': dyn(4), 'severity': 2, 'timestamp_text': 'Oct 11 22:14:15', 'host': 'mymachine', "
            "'app': 'su', 'process_id': '9', 'message': 'failed'}" },
        { "parse_syslog('<34>1 - fw CEF:0|a|b|c|d|e|5|x=1').message", "'CEF:0|a|b|c|d|e|5|x=1'" },
        { "parse_syslog('<192>1 - - - - - -')", "!priority" },
        { "parse_syslog('no priority')", "!priority" },
        { "parse_syslog('<1>1 2003-10-11 h a - - - x')", "!RFC 3339" },
        { "parse_xml('<a x=\"1\"><b>t</b><b/><c>&lt;&#65;&#x42;</c><!-- no --></a>')",
            "{'a': {'@x': '1', 'b': [dyn('t'), null], 'c': '<AB'}}" },
        { "parse_xml('<?xml version=\"1.0\"?>\\n<a>x<![CDATA[<&>]]>y</a>')", "{'a': 'x<&>y'}" },
        { "parse_xml('<a>t<b/></a>')", "{'a': {'b': dyn(null), '#text': 't'}}" },
        { "parse_xml('<a></b>')", "!closed by another name" },
        { "parse_xml('<a>')", "!does not end" },
        { "parse_xml('<a/><b/>')", "!behind" },
        { "parse_xml('<a b=c/>')", "!quotes" },
        { "parse_xml('')", "!missing" },
        { "parse_xml('<a>&unknown;</a>')", "!entity" },
    };
    expr_expect_plain(ROWS(rows));
}

/* What appliances send is seldom what the standards say. */
static void syslog_is_read_as_it_is_sent(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "parse_syslog('<134> Oct 11 22:14:15 fw1 %ASA-3-106014: Deny inbound')",
            "{'facility': dyn(16), 'severity': 6, 'timestamp_text': 'Oct 11 22:14:15', 'host': 'fw1', "
            "'app': '%ASA-3-106014', 'message': 'Deny inbound'}" },
        { "parse_syslog('<134>Oct  1 22:14:15 fw1 : %ASA-3-1: x').app", "'%ASA-3-1'" },
        { "parse_syslog('<134>Oct 11 2025 22:14:15.123 fw1 su: x').timestamp_text",
            "'Oct 11 2025 22:14:15.123'" },
        { "parse_syslog('<134>2025 Oct 11 22:14:15 fw1 su: x').host", "'fw1'" },
        { "parse_syslog('<134>Oct 11 22:14:15 192.0.2.1: %ACE-3-1: x').host", "'192.0.2.1'" },
        { "parse_syslog('<134>Oct 11 22:14:15 192.0.2.1: %ACE-3-1: x').app", "'%ACE-3-1'" },
        { "parse_syslog('<134>Oct 11 22:14:15 [192.0.2.1] NSS: x').host", "'192.0.2.1'" },
        { "parse_syslog('<134>1 1760220855.5 mx1 events type=x').timestamp",
            "timestamp('2025-10-11T22:14:15.5Z')" },
        { "parse_syslog('<134>1 1760220855.5 mx1 events type=x').message", "'events type=x'" },
        { "parse_syslog('<134>2025-10-11T22:14:15+02:00 h1 app[7]: x').timestamp",
            "timestamp('2025-10-11T20:14:15Z')" },
        { "parse_syslog('<134>Oct 11 22:14:15 CEF:0|a|b|c|d|e|5|x=1').message", "'CEF:0|a|b|c|d|e|5|x=1'" },
        { "parse_syslog('<134>Oct 11 22:14:15 h1 CEF:0|a|b|c|d|e|5|x=1').host", "'h1'" },
        { "parse_syslog('<134>device=fw date=x')",
            "{'facility': dyn(16), 'severity': 6, 'message': 'device=fw date=x'}" },
        { "has(parse_syslog('<134>kernel: x').host)", "false" },
        { "parse_syslog('<134>kernel: x').app", "'kernel'" },
        { "parse_syslog('<134>')", "{'facility': dyn(16), 'severity': 6}" },
    };
    expr_expect_plain(ROWS(rows));
}

static void hostile_xml_is_refused(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "parse_xml('<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 "
          "\"&lol;&lol;\">]><lolz>&lol2;</lolz>')",
            "!document type" },
        { "parse_xml('<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>')", "!document type" },
        { "parse_xml('<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x SYSTEM "
          "\"http://evil.example/\">]><a>&x;</a>')",
            "!document type" },
        { "parse_xml('<a><!DOCTYPE b []></a>')", "!" },
        { "parse_xml('<a>&#0;</a>')", "!entity" },
        { "parse_xml('<a>&#\\x16\\x11;</a>')", "!entity" },
        { "parse_xml('<a>&#1A;</a>')", "!entity" },
        { "parse_xml('<a>&#xD800;</a>')", "!entity" },
        { "parse_xml('<a>&#x110000;</a>')", "!entity" },
        { "parse_xml('<a>&#99999999999;</a>')", "!entity" },
        { "parse_xml(lists.range(1000).map(i, '<a>').join())", "!nested deeper" },
        { "parse_xml('<a ' + lists.range(3000).map(i, 'b=\"1\" ').join() + '/>')", "!stands twice" },
        { "parse_xml('<a><![CDATA[x</a>')", "!does not end" },
        { "parse_xml('<a><!-- </a>')", "!does not end" },
        { "parse_json(lists.range(200).map(i, '[').join())", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

/* ---- external data ---- */

/* Calls `check` with each line's JSON object. False when the file is not there. */
static bool each_case(const char *file, void (*check)(struct arena *arena, struct value one, size_t *faults))
{
    AUTO(buf) struct buf text = { 0 };
    struct str rest, line;
    size_t faults = 0;
    if (!shared_data_read(file, &text))
        return false;
    rest = buf_str(&text);
    while (str_split(&rest, '\n', &line)) {
        AUTO(arena) struct arena arena = { 0 };
        struct value one;
        if (line.size == 0)
            continue;
        assert_int_equal(json_parse(&arena, line, NULL, &one, NULL), ERR_OK);
        if (value_get(one, STR("payload")).type == VALUE_STRING)
            check(&arena, one, &faults);
    }
    assert_int_equal(faults, 0);
    return true;
}

/* The value of `function` over the payload; the error's text otherwise. */
static enum err apply(struct arena *arena, const char *function, struct value payload, struct value *ret)
{
    struct str source;
    struct expr_name name = { STR("t"), &type_string };
    struct expr_env env = { .names = &name, .name_count = 1 };
    struct expr_values values;
    struct expr *expr;
    struct err_info why = { 0 };
    assert_int_equal(arena_printf(arena, &source, &why, "%s(t)", function), ERR_OK);
    assert_int_equal(expr_compile(arena, &env, source, &expr, &why), ERR_OK);
    expr_values_init(&values, &payload, 1);
    return expr_eval(expr, arena, &values.activation, NULL, ret, &why);
}

static bool same_field(struct value wanted, const char *theirs, struct value got, const char *ours)
{
    struct value a = value_get(wanted, str_of(theirs)), b = value_get(got, str_of(ours));
    struct str text = value_str(a);
    /* The byte order mark in front of a message says only that it is UTF-8. */
    if (a.type == VALUE_STRING && str_starts(text, STR("\xef\xbb\xbf")))
        a = value_string(str_slice(text, 3, text.size));
    if (a.type == VALUE_STRING && a.size == 0)
        a = value_null();
    return value_equal(a, b);
}

static void check_rfc5424(struct arena *arena, struct value one, size_t *faults)
{
    struct value expected = value_get(one, STR("expected")), wanted = value_get(expected, STR("value")), got;
    static const char *const pairs[][2] = { { "facility", "facility" }, { "severity", "severity" },
        { "hostname", "host" }, { "appname", "app" }, { "procID", "process_id" }, { "msgID", "message_id" },
        { "message", "message" }, { "structuredData", "structured_data" } };
    if (!value_get(expected, STR("valid")).boolean)
        return;
    bool is_good = apply(arena, "parse_syslog", value_get(one, STR("payload")), &got) == ERR_OK;
    for (size_t i = 0; is_good && i < sizeof(pairs) / sizeof(pairs[0]); i++)
        is_good = same_field(wanted, pairs[i][0], got, pairs[i][1]);
    if (!is_good)
        printf("%.*s\n", STR_ARG(value_str(value_get(one, STR("name")))));
    *faults += !is_good;
}

static void valid_messages_of_rfc_5424_have_their_fields(void **state)
{
    (void)state;
    if (!each_case("alerts/syslog/rfc5424-cases.jsonl", check_rfc5424))
        skip();
}

static void check_vendor(struct arena *arena, struct value one, size_t *faults)
{
    struct str format = value_str(value_get(value_get(one, STR("expected")), STR("format")));
    struct value payload = value_get(one, STR("payload")), got;
    bool is_good = true;
    if (str_equal(format, STR("CEF")))
        is_good = apply(arena, "parse_cef", payload, &got) == ERR_OK &&
            value_get(got, STR("device_vendor")).size > 0 && value_get(got, STR("extension")).size > 0;
    else if (str_equal(format, STR("LEEF")))
        is_good = apply(arena, "parse_leef", payload, &got) == ERR_OK &&
            value_get(got, STR("vendor")).size > 0 && value_get(got, STR("attributes")).size > 0;
    /* In place of some timestamps a placeholder stands, or two of them grown together. */
    bool is_whole = !str_contains(value_str(payload), STR("{{")) &&
        !str_contains(value_str(payload), STR("ZZ "));
    if (is_good && is_whole && str_starts(value_str(payload), STR("<")))
        is_good = apply(arena, "parse_syslog", payload, &got) == ERR_OK &&
            value_get(got, STR("facility")).type == VALUE_INT;
    is_good = is_good && apply(arena, "iocs", payload, &got) == ERR_OK &&
        apply(arena, "refang", payload, &got) == ERR_OK && apply(arena, "defang", payload, &got) == ERR_OK;
    if (!is_good)
        printf("%.*s\n", STR_ARG(value_str(value_get(one, STR("name")))));
    *faults += !is_good;
}

static void messages_of_vendors_are_read(void **state)
{
    (void)state;
    if (!each_case("alerts/syslog/sc4s-messages.jsonl", check_vendor))
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_hosts_and_urls_are_found),
        cmocka_unit_test(hashes_ids_and_paths_are_found),
        cmocka_unit_test(a_search_without_an_evaluation_tells_all_that_iocs_gathers),
        cmocka_unit_test(what_was_defanged_is_found_as_it_was_meant),
        cmocka_unit_test(hosts_are_cut_out_of_what_holds_them),
        cmocka_unit_test(digests_distances_and_severities),
        cmocka_unit_test(urls_are_read_by_their_parts),
        cmocka_unit_test(structured_texts_become_values),
        cmocka_unit_test(syslog_is_read_as_it_is_sent),
        cmocka_unit_test(hostile_xml_is_refused),
        cmocka_unit_test(valid_messages_of_rfc_5424_have_their_fields),
        cmocka_unit_test(messages_of_vendors_are_read),
    };
    return cmocka_run_group_tests_name("expr_security", tests, NULL, NULL);
}
