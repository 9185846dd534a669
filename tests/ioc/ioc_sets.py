#!/usr/bin/env python3
"""Measures iocs(), refang() and defang() on the public sets of indicators in the external test data.

Each set has a vocabulary of its own; the tables below say which of our kinds a kind of theirs is, and what
of a case cannot be asked here. Values are compared in normal form (hosts, hashes, MACs in lower case,
addresses as RFC 5952, what was defanged made whole), since that is what iocs() gives.

usage: ioc_sets.py TOCSIN [--verbose]; exit 1 when a set is below the share that it must reach."""
import base64
import ipaddress
import json
import os
import re
import subprocess
import sys

LEAST = 0.95
DATA = os.environ.get('TOCSIN_SHARED', '../shared/data') + '/ioc/'


class Tocsin:
    """One batch of expressions over one text each."""

    def __init__(self, program):
        self.program = program
        self.lines = []

    def ask(self, expression, text):
        self.lines.append(json.dumps({'id': str(len(self.lines)), 'expr': expression,
                                      'vars': {'t': {'string': text}}}))
        return len(self.lines) - 1

    def answer(self):
        done = subprocess.run([self.program, 'eval', '--batch'], input='\n'.join(self.lines),
                              capture_output=True, text=True, timeout=100, check=True)
        return [plain(json.loads(line)['value']) for line in done.stdout.splitlines()]


def plain(value):
    """Typed JSON to what it stands for."""
    (kind, inner), = value.items()
    if kind == 'list':
        return [plain(item) for item in inner]
    if kind == 'map':
        return {plain(key): plain(item) for key, item in inner}
    return inner


def normal(kind, text):
    """The form in which iocs() gives a value of this kind."""
    if kind in ('ipv4', 'ipv6'):
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            return text
    if kind in ('md5', 'sha1', 'sha256', 'sha512', 'imphash', 'domain', 'mac', 'uuid'):
        return text.lower()
    return text.upper() if kind in ('cve', 'attack') else text


def wrapped(text, wrap):
    around = {None: '', 'spaces': ' ', 'tabs': '\t', 'newlines': '\n', 'words': None, 'nonwords': None}[wrap]
    if wrap == 'words':
        return f'words {text} words'
    if wrap == 'nonwords':
        return f'({text})'
    return around + text + around


def lines_of(name):
    with open(DATA + name, encoding='utf-8') as file:
        return [json.loads(line) for line in file]


# ---- iocextract: one function a case ----

EXTRACT = {'extract_md5_hashes': ['md5'], 'extract_sha1_hashes': ['sha1'], 'extract_sha256_hashes': ['sha256'],
           'extract_sha512_hashes': ['sha512'], 'extract_ips': ['ipv4', 'ipv6'],
           # A host without a path is a URL to it, and a domain or an address to us.
           'extract_urls': ['url', 'domain', 'ipv4'], 'extract_encoded_urls': ['url'],
           'extract_iocs': ['url', 'domain', 'ipv4', 'ipv6', 'email', 'md5', 'sha1', 'sha256', 'sha512']}


def iocextract(tocsin):
    for case in lines_of('iocextract-cases.jsonl'):
        function = case['function']
        if function == 'extract_custom_iocs':
            continue  # the caller's own patterns: matches() and regex.extractAll()
        text = wrapped(case['input'], case.get('wrap'))
        if function in ('refang_data', 'defang_data'):
            number = tocsin.ask(function[:6] + '(t)', text)
            yield case['name'], lambda got, case=case, number=number: got[number] == case['expected_all']
            continue
        wanted = case.get('expected_all', [case['expected']] if 'expected' in case else [])
        number, refanged = tocsin.ask('iocs(t)', text), [tocsin.ask('refang(t)', item) for item in wanted]
        if function == 'extract_encoded_urls':
            refanged = [tocsin.ask('url.decode(refang(t))', item) for item in wanted]
        yield case['name'], lambda got, case=case, number=number, refanged=refanged: check_extract(
            case, got[number], [got[i].replace(':// ', '://') for i in refanged])


def check_extract(case, found, wanted):
    kinds = EXTRACT[case['function']]
    have = {normal(kind, item) for kind in kinds for item in found[kind]}
    if 'count' in case:
        return len(have) == case['count']
    return all(any(normal(kind, item) in have for kind in kinds) for item in wanted)


# ---- ioc-finder: whole results ----

FINDER = {'asns': 'asn', 'bitcoin_addresses': 'wallet', 'monero_addresses': 'wallet', 'cves': 'cve',
          'domains': 'domain', 'email_addresses': 'email', 'xmpp_addresses': 'email', 'file_paths': 'path',
          'google_adsense_publisher_ids': 'tracker', 'google_analytics_tracker_ids': 'tracker',
          'imphashes': 'imphash', 'ipv4_cidrs': 'cidr', 'ipv4s': 'ipv4', 'ipv6s': 'ipv6', 'mac_addresses': 'mac',
          'md5s': 'md5', 'registry_key_paths': 'registry', 'sha1s': 'sha1', 'sha256s': 'sha256',
          'sha512s': 'sha512', 'ssdeeps': 'ssdeep', 'tlp_labels': None, 'urls': 'url', 'urls_complete': 'url',
          'user_agents': None, 'phone_numbers': None, 'email_addresses_complete': None, 'authentihashes': 'authentihash',
          'attack_tactics': 'attack', 'attack_techniques': 'attack', 'attack_mitigations': 'attack',
          'enterprise_attack_tactics': 'attack', 'enterprise_attack_techniques': 'attack',
          'enterprise_attack_mitigations': 'attack'}
# What a host or an address of a URL, a mailbox or a network may be switched off by; iocs() always tells it.
SWITCHES = {'parse_domain_from_url': 'domain', 'parse_from_url_path': 'sha256', 'parse_domain_from_email_address': 'domain',
            'parse_address_from_cidr': 'ipv4', 'parse_domain_name_from_xmpp_address': 'domain',
            'parse_urls_without_scheme': 'url'}


def flat(values):
    if isinstance(values, dict):
        return [item for part in values.values() for item in flat(part)]
    return values


def finder_value(name, text):
    if name == 'asns':
        return text.replace('ASN', 'AS')
    return normal(FINDER[name], text)


def wanted_of(expected):
    """Of what they expect, by our kinds; URLs as they call complete, where they tell two."""
    wanted = {}
    for name, values in expected.items():
        kind = FINDER.get(name)
        if kind is None or (name == 'urls' and 'urls_complete' in expected):
            continue
        wanted.setdefault(kind, set()).update(finder_value(name, item) for item in flat(values))
    return wanted


def ioc_finder(tocsin):
    for case in lines_of('ioc-finder-cases.jsonl'):
        number = tocsin.ask('iocs(t)', case['input'])
        yield case['name'], lambda got, case=case, number=number: check_whole(case, got[number])


def switched_off(case):
    return {SWITCHES[name] for name, is_on in (case.get('options') or {}).items() if is_on is False and name in SWITCHES}


def check_whole(case, found):
    wanted, free = wanted_of(case['expected']), switched_off(case)
    kinds = set(FINDER.values()) - {None}
    for kind in kinds - free:
        have = {normal(kind, item) for item in found[kind]}
        if have != wanted.get(kind, set()):
            return False
    return True


def ioc_finder2(tocsin):
    for case in lines_of('ioc-finder-cases2.jsonl'):
        number = tocsin.ask('iocs(t)', case['input'])
        yield case['name'], lambda got, case=case, number=number: check_parts(case, got[number])


def check_parts(case, found):
    free = switched_off(case)
    xmpp = case.get('contains', {}).get('xmpp_addresses', [])

    def have(name):
        items = {finder_value(name, item) for item in found[FINDER[name]]}
        # They part chat addresses from mailboxes by the host's name; to us both are mailboxes.
        return items - set(xmpp) if name == 'email_addresses' else items

    for name, values in case.get('equals', {}).items():
        if FINDER.get(name) is None or FINDER[name] in free or (name == 'urls' and 'urls_complete' in case['equals']):
            continue
        if have(name) != {finder_value(name, item) for item in values}:
            return False
    for name, values in case.get('contains', {}).items():
        if FINDER.get(name) and not {finder_value(name, item) for item in values} <= have(name):
            return False
    for name, values in case.get('absent', {}).items():
        if FINDER.get(name) and {finder_value(name, item) for item in values} & have(name):
            return False
    for name, count in case.get('count', {}).items():
        if FINDER.get(name) is None or FINDER[name] in free:
            continue
        items = have(name) & set(xmpp) if name == 'xmpp_addresses' else have(name)
        if len(items) != count:
            return False
    return True


# ---- rapid7's extractors ----

RAPID7 = {'cve': ['cve'], 'domain': ['domain'], 'email': ['email'], 'filepath': ['path'], 'ip': ['ipv4', 'ipv6'],
          'mac': ['mac'], 'md5': ['md5'], 'sha1': ['sha1'], 'sha256': ['sha256'], 'sha512': ['sha512'],
          'url': ['url'], 'uuid': ['uuid']}


def rapid7(tocsin):
    for case in lines_of('rapid7-extractit-cases.jsonl'):
        action = case['action'].replace('_extractor', '')
        if action.startswith('date'):
            continue  # dates are not indicators
        if action == 'extract_all':
            content = case['params'][0]
            try:
                text = base64.b64decode(content or '').decode()
            except UnicodeDecodeError:
                continue  # documents: reading them is an action's work, in a sandbox
            number = tocsin.ask('iocs(t)', text)
            yield case['name'], lambda got, case=case, number=number: check_all(case['expected'], got[number])
            continue
        number = tocsin.ask('iocs(t)', case['input'])
        registered = [tocsin.ask('iocs(t).domain.map(d, registered_domain(d))', case['input'])]
        yield case['name'], lambda got, case=case, action=action, number=number, registered=registered: check_rapid7(
            case, action, got[number], got[registered[0]])


def check_all(expected, found):
    names = {'cves': 'cve', 'domains': 'domain', 'email_addresses': 'email', 'filepaths': 'path', 'urls': 'url',
             'mac_addresses': 'mac', 'uuids': 'uuid'}
    pairs = [(kind, expected[name]) for name, kind in names.items()]
    pairs += [(name.split('_')[0], values) for name, values in expected['hashes'].items()]
    pairs += [(name.split('_')[0], values) for name, values in expected['ip_addresses'].items()]
    return all({normal(kind, item) for item in values} <= {normal(kind, item) for item in found[kind]} for kind, values in pairs)


def check_rapid7(case, action, found, registered):
    if action == 'ioc':
        kinds = [kind for part in RAPID7.values() for kind in part]
        have = {normal(kind, item) for kind in kinds for item in found[kind]}
        wanted = [item for item in case['expected'] if not re.fullmatch(r'\d{4}-\d\d-\d\dT.*', item)]
        return all(any(normal(kind, item) in have for kind in kinds) for item in wanted)
    kinds = RAPID7[action]
    have = {normal(kind, item) for kind in kinds for item in found[kind]}
    if action == 'domain' and case['params'] == [False]:
        have = set(registered)
    wanted = {normal(kinds[0], item) for item in case['expected']} if len(kinds) == 1 else {
        str(ipaddress.ip_address(item)) for item in case['expected']}
    if action == 'url':
        # They want a scheme; we find "example.com/a" too. What is none to them must have none.
        have = {item for item in have if '://' in item}
    return have == wanted


# ---- iocextract's lists: each line is to be found, or not ----

def lists(tocsin):
    for name, is_good in (('valid', True), ('invalid', False)):
        with open(DATA + f'iocextract-test_data/{name}.txt', encoding='utf-8') as file:
            for line in file.read().splitlines():
                number = tocsin.ask('iocs(t)', line)
                yield f'{name}: {line}', lambda got, number=number, is_good=is_good: check_line(got[number], is_good)


def check_line(found, is_good):
    return any(found[kind] for kind in EXTRACT['extract_iocs']) == is_good


def main():
    program, is_verbose = os.environ.get('TOCSIN_BIN', 'build/tocsin'), '--verbose' in sys.argv
    if not os.path.isdir(DATA):
        print(f'skipped: no external test data at {DATA}')
        print('0 passed, 0 failed, 1 skipped')
        return 0
    passed = failed = 0
    for cases in (iocextract, lists, ioc_finder, ioc_finder2, rapid7):
        tocsin = Tocsin(program)
        checks = list(cases(tocsin))
        got = tocsin.answer()
        missed = [name for name, check in checks if not check(got)]
        share = 1 - len(missed) / len(checks)
        print(f'{cases.__name__:12} {len(checks) - len(missed):4} of {len(checks):4}  {100 * share:5.1f} %')
        passed, failed = passed + (share >= LEAST), failed + (share < LEAST)
        if is_verbose or share < LEAST:
            for name in missed:
                print('   missed', name)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
