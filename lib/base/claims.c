/* SPDX-License-Identifier: MIT */
/* A set of hashes under a lock: open addressing, never more than half full, 0 is an empty slot. */
#include "base/claims.h"

#include "base/hash.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define FIRST_SLOTS 64 /* a power of two */

/* Seeds that keep files and names apart. */
#define SEED_FILE 1
#define SEED_NAME 2

struct sfx_claims {
    pthread_mutex_t lock;
    uint64_t *slots; /* owned */
    size_t nslots, used;
};

struct sfx_claims *sfx_claims_new(struct sfx_err *err)
{
    struct sfx_claims *claims = calloc(1, sizeof(*claims));

    if (claims != NULL) {
        claims->nslots = FIRST_SLOTS;
        claims->slots = calloc(claims->nslots, sizeof(*claims->slots));
        (void)pthread_mutex_init(&claims->lock, NULL);
    }
    if (claims == NULL || claims->slots == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for the names of outputs");
        sfx_claims_free(claims);
        return NULL;
    }
    return claims;
}

/* The slot that holds hash, or the empty one where it belongs. */
static uint64_t *find(const struct sfx_claims *claims, uint64_t hash)
{
    size_t at = hash & (claims->nslots - 1);

    while (claims->slots[at] != 0 && claims->slots[at] != hash)
        at = (at + 1) & (claims->nslots - 1);
    return &claims->slots[at];
}

static int grow(struct sfx_claims *claims, struct sfx_err *err)
{
    uint64_t *old = claims->slots;
    size_t nold = claims->nslots, i;

    claims->slots = calloc(nold * 2, sizeof(*old));
    if (claims->slots == NULL) {
        claims->slots = old;
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for the names of outputs");
    }
    claims->nslots = nold * 2;
    for (i = 0; i < nold; i++)
        if (old[i] != 0)
            *find(claims, old[i]) = old[i];
    free(old);
    return 0;
}

/* Adds hash: 1, or 0 when it was there. */
static int add(struct sfx_claims *claims, uint64_t hash, struct sfx_err *err)
{
    uint64_t *slot = find(claims, hash);

    if (*slot == hash)
        return 0;
    if (claims->used * 2 >= claims->nslots) {
        if (grow(claims, err) < 0)
            return SFX_E_NOMEM;
        slot = find(claims, hash);
    }
    *slot = hash;
    claims->used++;
    return 1;
}

static uint64_t never_zero(uint64_t hash)
{
    return hash != 0 ? hash : 1;
}

static uint64_t hash_file(const struct stat *st)
{
    uint64_t id[2] = {(uint64_t)st->st_dev, (uint64_t)st->st_ino};

    return never_zero(sfx_hash64(id, sizeof(id), SEED_FILE));
}

int sfx_claims_add_input(struct sfx_claims *claims, const struct stat *st, struct sfx_err *err)
{
    int rc;

    (void)pthread_mutex_lock(&claims->lock);
    rc = add(claims, hash_file(st), err);
    (void)pthread_mutex_unlock(&claims->lock);
    return rc < 0 ? rc : 0;
}

int sfx_claims_take(struct sfx_claims *claims, const char *path, struct sfx_err *err)
{
    struct stat st;
    bool exists = stat(path, &st) == 0;
    int rc;

    (void)pthread_mutex_lock(&claims->lock);
    if (exists && *find(claims, hash_file(&st)) != 0)
        rc = sfx_err_set(err, SFX_E_USAGE, "output %s is an input of this run", path);
    else
        rc = add(claims, never_zero(sfx_hash64(path, strlen(path), SEED_NAME)), err);
    (void)pthread_mutex_unlock(&claims->lock);
    if (rc == 0)
        rc = sfx_err_set(err, SFX_E_USAGE, "output %s was made of another input of this run", path);
    return rc < 0 ? rc : 0;
}

int sfx_claims_take_for(struct sfx_claims *claims, const char *path, struct sfx_slice owner,
                        struct sfx_err *err)
{
    uint64_t name = never_zero(sfx_hash64(path, strlen(path), SEED_NAME));
    uint64_t pair = never_zero(sfx_hash64(owner.ptr, owner.len, name));
    int rc = 1;

    (void)pthread_mutex_lock(&claims->lock);
    if (*find(claims, pair) == 0) {
        rc = add(claims, name, err);
        if (rc > 0)
            rc = add(claims, pair, err);
    }
    (void)pthread_mutex_unlock(&claims->lock);
    if (rc == 0)
        rc = sfx_err_set(err, SFX_E_INPUT, "output %s was made of another input of this run", path);
    return rc < 0 ? rc : 0;
}

bool sfx_claims_has(struct sfx_claims *claims, const char *path)
{
    bool has;

    (void)pthread_mutex_lock(&claims->lock);
    has = *find(claims, never_zero(sfx_hash64(path, strlen(path), SEED_NAME))) != 0;
    (void)pthread_mutex_unlock(&claims->lock);
    return has;
}

void sfx_claims_free(struct sfx_claims *claims)
{
    if (claims == NULL)
        return;
    (void)pthread_mutex_destroy(&claims->lock);
    free(claims->slots);
    free(claims);
}
