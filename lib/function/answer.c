/* SPDX-License-Identifier: MIT */
/* Answers: what a resident process says of an event, and which events of a batch failed. */
#include "function/function_internal.h"
#include "json/json_tree.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int exit_of(const struct sfx_json_node *node)
{
    char text[8] = "";

    if (node->type != SFX_JSON_NUMBER || node->text.len >= sizeof(text))
        return -1;
    memcpy(text, node->text.ptr, node->text.len);
    if (strspn(text, "0123456789") != node->text.len || atoi(text) > 255)
        return -1;
    return atoi(text);
}

void sfx_answer_read(struct sfx_slice answer, struct sfx_outcome *outcome)
{
    const struct sfx_json_node *tree, *code, *type, *message;
    struct sfx_arena arena = {0};

    /* Only an object can say that it failed, and what does not name one of these does not. */
    if (answer.len == 0 || answer.ptr[0] != '{' ||
        (memmem(answer.ptr, answer.len, "\"error", 6) == NULL &&
         memmem(answer.ptr, answer.len, "\"exit\"", 6) == NULL))
        return;
    tree = sfx_json_tree(&arena, answer.ptr, answer.len, NULL);
    code = sfx_json_member(tree, "exit");
    type = sfx_json_member(tree, "errorType");
    message = sfx_json_member(tree, "errorMessage");
    if (code != NULL && exit_of(code) >= 0)
        outcome->exit_code = exit_of(code);
    else if (type != NULL || message != NULL)
        outcome->exit_code = 1;
    if (outcome->exit_code != 0) {
        outcome->error = outcome->exit_code == SFX_EXIT_DATA ? "data" : "exit";
        (void)snprintf(outcome->reason, sizeof(outcome->reason), "%.*s%s%.*s",
                       type != NULL ? (int)type->text.len % 120 : 0,
                       type != NULL ? type->text.ptr : "", type != NULL ? ": " : "",
                       message != NULL ? (int)(message->text.len < 250 ? message->text.len : 250)
                                       : 0,
                       message != NULL ? message->text.ptr : "");
        if (outcome->reason[0] == '\0')
            (void)snprintf(outcome->reason, sizeof(outcome->reason), "answered exit %d",
                           outcome->exit_code);
    }
    sfx_arena_done(&arena);
}

/* The item that a failure names; -1: none. */
static ptrdiff_t find_item(const struct sfx_invocation *inv, const struct sfx_json_node *failure)
{
    const struct sfx_json_node *id = sfx_json_member(failure, "itemIdentifier");
    size_t i;

    if (id == NULL || id->type != SFX_JSON_STRING)
        return -1;
    for (i = 0; i < inv->nitems; i++) {
        if (sfx_slice_eq(id->text, sfx_slice(inv->items[i]->id, inv->items[i]->id_len)))
            return (ptrdiff_t)i;
    }
    return -1;
}

static void fail_whole(struct sfx_invocation *inv, const char *why)
{
    free(inv->failed);
    inv->failed = NULL;
    inv->outcome = (struct sfx_outcome){.exit_code = 1, .error = "answer"};
    (void)snprintf(inv->outcome.reason, sizeof(inv->outcome.reason), "the batch's answer: %s", why);
}

void sfx_answer_partial(struct sfx_invocation *inv)
{
    struct sfx_arena arena = {0};
    const struct sfx_json_node *tree, *list, *failure;
    struct sfx_slice text = sfx_buf_slice(&inv->output);
    struct sfx_err err = {0};

    while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]) != NULL)
        text.len--;
    if (text.len == 0)
        return; /* nothing said: nothing failed */
    tree = sfx_json_tree(&arena, text.ptr, text.len, &err);
    list = sfx_json_member(tree, "batchItemFailures");
    if (tree == NULL) {
        fail_whole(inv, "is not JSON");
    } else if (list != NULL && list->type == SFX_JSON_ARRAY && list->count > 0) {
        inv->failed = calloc(inv->nitems, sizeof(bool));
        if (inv->failed == NULL)
            fail_whole(inv, "out of memory");
        for (failure = list->first; failure != NULL && inv->failed != NULL;
             failure = failure->next) {
            ptrdiff_t i = find_item(inv, failure);

            if (i < 0)
                fail_whole(inv, "names an event that was not in the batch");
            else
                inv->failed[i] = true;
        }
        if (inv->failed != NULL) {
            inv->outcome = (struct sfx_outcome){.exit_code = 1, .error = "exit"};
            (void)snprintf(inv->outcome.reason, sizeof(inv->outcome.reason),
                           "among the batch's failures");
        }
    } else if (list != NULL && list->type != SFX_JSON_ARRAY && list->type != SFX_JSON_NULL) {
        fail_whole(inv, "batchItemFailures is no list");
    }
    sfx_arena_done(&arena);
}
