/* Texts that hold structure, to values: for expressions (parse_csv(s) and so on) and for floors above.
 *
 * All take the arena for the result; strings of the result may point into `text`, which must live as
 * long. ERR_INVALID says where and what is wrong; ERR_MEMORY. Time is linear in the text. */
#ifndef TOCSIN_EXPR_PARSERS_H
#define TOCSIN_EXPR_PARSERS_H

#include "base/arena.h"
#include "base/value.h"

/* RFC 4180, and what spreadsheets make of it: LF or CRLF, quotes doubled inside quotes. A list of rows of
 * strings; empty lines are left out. */
FALLIBLE parse_csv(
    struct arena *arena, struct str text, char separator, struct value *ret, struct err_info *why);
/* The same rows as maps under the names in the first one. A row with more fields than there are names is
 * an error; one with fewer lacks the last. */
FALLIBLE parse_csv_records(
    struct arena *arena, struct str text, char separator, struct value *ret, struct err_info *why);
/* key=value key2="quoted \" value"; pairs end at blanks, ',' or ';'. Words without '=' are left out; of
 * equal keys the last wins. */
FALLIBLE parse_kv(struct arena *arena, struct str text, struct value *ret, struct err_info *why);
/* A URL (RFC 3986) with scheme and host: scheme, user, host, port (when given), path, query, fragment,
 * params (the query's pairs, decoded). */
FALLIBLE parse_url(struct arena *arena, struct str text, struct value *ret, struct err_info *why);
/* ArcSight Common Event Format: version, device_vendor, device_product, device_version, signature_id,
 * name, severity, extension. What stands in front of "CEF:" is left out. */
FALLIBLE parse_cef(struct arena *arena, struct str text, struct value *ret, struct err_info *why);
/* QRadar Log Event Extended Format 1.0 and 2.0: version, vendor, product, product_version, event_id,
 * attributes. */
FALLIBLE parse_leef(struct arena *arena, struct str text, struct value *ret, struct err_info *why);
/* A syslog message, RFC 5424 or RFC 3164 as it is found in the wild: facility, severity, timestamp, host,
 * app, process_id, message_id, structured_data, message; what is not there is absent. */
FALLIBLE parse_syslog(struct arena *arena, struct str text, struct value *ret, struct err_info *why);
/* XML to maps: elements by name, repeated ones as a list, attributes under "@name", text under "#text" or
 * as the value when there is nothing else. No DTD: entities are the five of XML and numeric ones. */
FALLIBLE parse_xml(struct arena *arena, struct str text, struct value *ret, struct err_info *why);

#endif
