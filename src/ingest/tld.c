#include "ingest/tld.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_BYTES_MAX 14

/* Sorted. */
static const char *const countries = "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg "
                                     "bh bi bj bm bn bo br bs bt bw by bz ca cc "
                                     "cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz "
                                     "ec ee eg er es et eu fi fj fk fm fo fr ga "
                                     "gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu "
                                     "id ie il im in io iq ir is it je jm jo jp "
                                     "ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma "
                                     "mc md me mg mh mk ml mm mn mo mp mq mr ms "
                                     "mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf "
                                     "pg ph pk pl pm pn pr ps pt pw py qa re ro "
                                     "rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy "
                                     "sz tc td tf tg th tj tk tl tm tn to tr tt "
                                     "tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw ";

static const char *const words[] = { "academy", "agency", "aero", "app", "arpa", "art", "asia", "bank", "bar",
    "best", "bid", "biz", "blog", "build", "buzz", "cab", "cafe", "cam", "capital", "care", "cat", "center",
    "cfd", "chat", "click", "cloud", "club", "codes", "com", "community", "company", "coop", "corp", "cyou",
    "date", "deals", "delivery", "dev", "digital", "direct", "download", "edu", "email", "energy", "events",
    "example", "exchange", "expert", "express", "faith", "family", "fit", "fun", "fund", "fyi", "games",
    "gay", "global", "gov", "group", "guru", "help", "home", "host", "icu", "inc", "info", "ink", "int",
    "internal", "intranet", "invalid", "jobs", "kim", "lan", "land", "life", "link", "live", "loan", "local",
    "localdomain", "localhost", "lol", "love", "ltd", "market", "media", "men", "mil", "mobi", "moe", "mom",
    "monster", "museum", "name", "net", "network", "news", "ngo", "one", "onion", "online", "org", "page",
    "party", "photos", "pics", "plus", "post", "press", "pro", "pub", "quest", "racing", "rest", "review",
    "rocks", "run", "science", "security", "services", "shop", "site", "skin", "social", "software",
    "solutions", "space", "store", "stream", "studio", "support", "surf", "systems", "team", "tech",
    "technology", "tel", "test", "tips", "today", "tools", "top", "trade", "travel", "vip", "wang", "watch",
    "webcam", "website", "wiki", "win", "work", "works", "world", "wtf", "xxx", "xyz", "zone" };

/* Country codes that are endings of files too. */
static const char *const file_like = "cc md pl ps py rs sh so ";

static int compare_word(const void *key, const void *item)
{
    return strcmp(key, *(const char *const *)item);
}

static bool has_pair(const char *pairs, const char *pair)
{
    for (; *pairs; pairs += 3) {
        if (pairs[0] == pair[0] && pairs[1] == pair[1])
            return true;
    }
    return false;
}

/* Lower case, ended by '\0'; false when it is too long or holds anything but letters. */
static bool fold(struct str label, char folded[LABEL_BYTES_MAX + 1])
{
    if (label.size < 2 || label.size > LABEL_BYTES_MAX)
        return false;
    for (size_t i = 0; i < label.size; i++) {
        char c = label.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if (c < 'a' || c > 'z')
            return false;
        folded[i] = c;
    }
    folded[label.size] = '\0';
    return true;
}

bool tld_is_known(struct str label)
{
    char folded[LABEL_BYTES_MAX + 1];
    if (!fold(label, folded))
        return str_starts(label, STR("xn--"));
    if (label.size == 2)
        return has_pair(countries, folded);
    return bsearch(folded, words, sizeof(words) / sizeof(words[0]), sizeof(words[0]), compare_word) != NULL;
}

bool tld_is_file_like(struct str label)
{
    char folded[LABEL_BYTES_MAX + 1];
    return fold(label, folded) && label.size == 2 && has_pair(file_like, folded);
}
