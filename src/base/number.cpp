#include "base/number.h"

#include "base/msan.h"

#include <charconv>
#include <cmath>
#include <cstring>

namespace
{

/* charconv does not say which way a number left its range. It is out by hundreds of powers of ten, so the
 * place of its first digit, counted from the point, plus its exponent tells. */
bool is_tiny(const char *at, const char *end)
{
    long long place = 0, exponent = 0;
    bool is_behind_point = false, has_digit = false;
    for (; at < end && *at != 'e' && *at != 'E'; at++) {
        has_digit = has_digit || (*at >= '1' && *at <= '9');
        if (*at == '.')
            is_behind_point = true;
        else if (is_behind_point && !has_digit)
            place--;
        else if (!is_behind_point && has_digit)
            place++;
    }
    if (at < end) {
        bool is_negative = at[1] == '-';
        for (at++; at < end; at++)
            if (*at >= '0' && *at <= '9' && exponent < 1000000000000)
                exponent = exponent * 10 + (*at - '0');
        exponent = is_negative ? -exponent : exponent;
    }
    return place + exponent < 0;
}

} // namespace

bool number_parse_double(const char *text, size_t size, double *ret)
{
    const char *end = text + size;
    const char *digits = size > 0 && *text == '-' ? text + 1 : text;
    if (digits == end || ((*digits < '0' || *digits > '9') && *digits != '.'))
        return false;
    double number = 0;
    std::from_chars_result result = std::from_chars(text, end, number);
    msan_is_written(&result, sizeof result);
    if (result.ptr != end)
        return false;
    if (result.ec == std::errc::result_out_of_range) {
        if (!is_tiny(digits, end))
            return false;
        number = *text == '-' ? -0.0 : 0.0;
    } else if (result.ec != std::errc() || !std::isfinite(number)) {
        return false;
    }
    *ret = number;
    return true;
}

namespace
{

struct decimal {
    char digits[24];
    int count;
    int exponent; /* of the first digit: 1.5 is 15 with exponent 0 */
};

decimal decimal_of(double positive)
{
    char text[NUMBER_TEXT_BYTES];
    std::to_chars_result result = std::to_chars(
        text, text + sizeof text, positive, std::chars_format::scientific);
    msan_is_written(&result, sizeof result);
    msan_is_written(text, sizeof text);
    decimal d = {};
    const char *at = text;
    for (; at < result.ptr && *at != 'e'; at++)
        if (*at != '.')
            d.digits[d.count++] = *at;
    at++; /* over the 'e' */
    if (*at == '+')
        at++;
    std::from_chars(at, result.ptr, d.exponent);
    return d;
}

char *put(char *out, const char *bytes, int count)
{
    memcpy(out, bytes, static_cast<size_t>(count));
    return out + count;
}

char *put_zeros(char *out, int count)
{
    memset(out, '0', static_cast<size_t>(count));
    return out + count;
}

char *put_plain(char *out, const decimal &d)
{
    if (d.exponent < 0) {
        out = put(out, "0.", 2);
        out = put_zeros(out, -d.exponent - 1);
        return put(out, d.digits, d.count);
    }
    int whole = d.exponent + 1;
    if (d.count <= whole) {
        out = put(out, d.digits, d.count);
        return put_zeros(out, whole - d.count);
    }
    out = put(out, d.digits, whole);
    *out++ = '.';
    return put(out, d.digits + whole, d.count - whole);
}

char *put_scientific(char *out, const decimal &d)
{
    *out++ = d.digits[0];
    if (d.count > 1) {
        *out++ = '.';
        out = put(out, d.digits + 1, d.count - 1);
    }
    *out++ = 'e';
    *out++ = d.exponent < 0 ? '-' : '+';
    return std::to_chars(out, out + 4, d.exponent < 0 ? -d.exponent : d.exponent).ptr;
}

} // namespace

size_t number_print_double(double number, char text[NUMBER_TEXT_BYTES])
{
    char *out = text;
    if (std::signbit(number))
        *out++ = '-';
    if (number == 0)
        return static_cast<size_t>(put(out, "0", 1) - text);
    decimal d = decimal_of(std::fabs(number));
    bool is_plain = d.exponent >= -6 && d.exponent < 21;
    out = is_plain ? put_plain(out, d) : put_scientific(out, d);
    return static_cast<size_t>(out - text);
}
