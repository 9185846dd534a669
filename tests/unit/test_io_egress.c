#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "io/egress.h"
#include "memory_faults.h"

static enum err check_address(
    const struct egress *egress, const char *host, const char *address, unsigned port, struct err_info *why)
{
    struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    if (inet_pton(AF_INET, address, &four.sin_addr) == 1)
        return egress_check(egress, str_of(host), (struct sockaddr *)&four, why);
    assert_int_equal(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
    return egress_check(egress, str_of(host), (struct sockaddr *)&six, why);
}

static struct egress *new_egress(struct arena *arena, const char *rules)
{
    struct str list[20], rest = str_of(rules);
    size_t count = 0;
    struct egress *egress = NULL;
    struct err_info why = { 0 };
    while (rest.size > 0 && str_split(&rest, ' ', &list[count]))
        count++;
    if (egress_new(arena, list, count, &egress, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return egress;
}

static void special_addresses_are_refused(void **state)
{
    (void)state;
    static const char *const special[] = { "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1",
        "100.127.255.255", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254",
        "169.254.0.1", "168.63.129.16", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192",
        "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.1", "192.175.48.1",
        "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
        "240.0.0.1", "255.255.255.255", "::", "::1", "::2", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.1.2.3",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:5ef5:79fd::1", "2001:2::1",
        "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::1", "2002:808:808::1", "2620:4f:8000::1",
        "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fdff::1", "fe80::1", "febf::1", "fec0::1",
        "ff02::1", "4000::1", "1::1" };
    AUTO(arena) struct arena arena = { 0 };
    struct egress *egress = new_egress(&arena, "");
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        struct err_info why = { 0 };
        if (check_address(egress, "host.example", special[i], 443, &why) != ERR_DENIED)
            fail_msg("%s is let through", special[i]);
        assert_string_equal(why.name, "egress");
        assert_non_null(strstr(why.text, "host.example"));
        assert_non_null(strstr(why.text, "egress.allow"));
    }
}

static void ordinary_addresses_are_let_through(void **state)
{
    (void)state;
    static const char *const ordinary[] = { "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0",
        "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
        "168.63.129.17", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0",
        "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00::1", "2001:200::1",
        "2001:4860:4860::8888", "2003::1", "3ffe::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8" };
    AUTO(arena) struct arena arena = { 0 };
    struct egress *egress = new_egress(&arena, "");
    for (size_t i = 0; i < sizeof ordinary / sizeof ordinary[0]; i++) {
        if (check_address(egress, "host.example", ordinary[i], 443, NULL) != ERR_OK)
            fail_msg("%s is refused", ordinary[i]);
    }
}

struct rule_case {
    const char *rules, *host, *address;
    unsigned port;
    bool is_allowed;
};

static const struct rule_case rule_cases[] = {
    { "127.0.0.1", "x", "127.0.0.1", 80, true },
    { "127.0.0.1", "x", "127.0.0.2", 80, false },
    { "127.0.0.1:8080", "x", "127.0.0.1", 8080, true },
    { "127.0.0.1:8080", "x", "127.0.0.1", 8081, false },
    { "10.0.0.0/8", "x", "10.9.8.7", 80, true },
    { "10.0.0.0/8", "x", "::ffff:10.9.8.7", 80, true },
    { "10.0.0.0/8", "x", "64:ff9b::10.9.8.7", 80, true },
    { "10.0.0.0/8", "x", "11.9.8.7", 80, true }, /* ordinary anyway */
    { "10.0.0.0/8:443", "x", "10.9.8.7", 80, false },
    { "10.1.2.0/23", "x", "10.1.3.255", 80, true },
    { "10.1.2.0/23", "x", "10.1.4.0", 80, false },
    { "0.0.0.0/0", "x", "192.168.1.1", 80, true },
    { "0.0.0.0/0", "x", "::1", 80, false },
    { "::/0", "x", "::1", 80, true },
    { "::1", "x", "::1", 80, true },
    { "[::1]", "x", "::1", 80, true },
    { "[::1]:25", "x", "::1", 25, true },
    { "[::1]:25", "x", "::1", 26, false },
    { "[fd00::/8]:443", "x", "fd12::1", 443, true },
    { "fd00::/8", "x", "fe80::1", 443, false },
    { "localhost", "localhost", "127.0.0.1", 80, true },
    { "localhost", "LocalHost.", "::1", 80, true },
    { "localhost", "127.0.0.1", "127.0.0.1", 80, false },
    { "localhost:80", "localhost", "127.0.0.1", 81, false },
    { "*.corp.example", "jira.corp.example", "10.0.0.1", 80, true },
    { "*.corp.example", "a.b.corp.example", "10.0.0.1", 80, true },
    { "*.corp.example", "corp.example", "10.0.0.1", 80, false },
    { "*.corp.example", "evilcorp.example", "10.0.0.1", 80, false },
    { "*.corp.example:443", "jira.corp.example", "10.0.0.1", 443, true },
    { "corp.example", "jira.corp.example", "10.0.0.1", 80, false },
    { "a.example 10.0.0.1 b.example", "b.example", "192.168.0.1", 80, true },
    { "a.example 10.0.0.1 b.example", "x", "10.0.0.1", 80, true },
    { "a.example 10.0.0.1 b.example", "x", "10.0.0.2", 80, false },
};

static void rules_allow_what_they_name_and_no_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rule_cases / sizeof rule_cases[0]; i++) {
        const struct rule_case *c = &rule_cases[i];
        AUTO(arena) struct arena arena = { 0 };
        struct egress *egress = new_egress(&arena, c->rules);
        bool is_allowed = check_address(egress, c->host, c->address, c->port, NULL) == ERR_OK;
        if (is_allowed != c->is_allowed)
            fail_msg("rules \"%s\": %s at %s port %u", c->rules, c->host, c->address, c->port);
    }
}

static void mistyped_rules_are_errors(void **state)
{
    (void)state;
    static const char *const bad[] = { "", " ", "10.0.0.0/33", "10.0.0.1/8", "10.0.0", "10.0.0.0/",
        "10.0.0.0/-1", "::1/129", "fd00::1/8", "[::1", "[::1]x", "[::1]:", "::1:80:", "host:0", "host:65536",
        "host:x", "ho st", "http://host", "host/path", ".corp.example", "*", "*.", "a*b", "10.0.0.256",
        "1.2.3.4.5" };
    AUTO(arena) struct arena arena = { 0 };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct str rule = str_of(bad[i]);
        struct egress *egress = NULL;
        struct err_info why = { 0 };
        if (egress_new(&arena, &rule, 1, &egress, &why) != ERR_INVALID)
            fail_msg("rule \"%s\" is taken", bad[i]);
        assert_string_equal(why.name, "egress_rule");
        assert_null(egress);
    }
}

static void other_families_are_refused(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct egress *egress = new_egress(&arena, "0.0.0.0/0 ::/0");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    assert_int_equal(egress_check(egress, STR("x"), (struct sockaddr *)&address, NULL), ERR_DENIED);
}

static void refused_memory_is_an_error(void **state)
{
    (void)state;
    struct str rules[] = { STR_INIT("localhost"), STR_INIT("10.0.0.0/8") };
    for (long left = 0; left < 2; left++) {
        AUTO(arena) struct arena arena = { 0 };
        struct egress *egress = NULL;
        memory_faults_left = left;
        enum err failed = egress_new(&arena, rules, 2, &egress, NULL);
        memory_faults_left = -1;
        assert_true(failed == ERR_MEMORY || (left > 0 && failed == ERR_OK));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_addresses_are_refused),
        cmocka_unit_test(ordinary_addresses_are_let_through),
        cmocka_unit_test(rules_allow_what_they_name_and_no_more),
        cmocka_unit_test(mistyped_rules_are_errors),
        cmocka_unit_test(other_families_are_refused),
        cmocka_unit_test(refused_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
