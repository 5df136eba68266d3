// SPDX-License-Identifier: Apache-2.0
#include "include/CYamlEvents.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct cye_reader {
    yaml_parser_t parser;
    yaml_event_t event;
    bool has_event;
    int64_t line;
    const char *text;
    uint8_t *copy;
    size_t size;
};

cye_reader *cye_open(const uint8_t *text, int64_t size) {
    cye_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return NULL;
    reader->copy = malloc(size > 0 ? (size_t)size : 1);
    if (!reader->copy || !yaml_parser_initialize(&reader->parser)) {
        free(reader->copy);
        free(reader);
        return NULL;
    }
    reader->size = (size_t)size;
    memcpy(reader->copy, text, reader->size);
    // Otherwise a byte order mark would choose.
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader->parser, reader->copy, reader->size);
    reader->text = "";
    return reader;
}

static int32_t refuse(cye_reader *reader, const char *why) {
    reader->text = why;
    return CYE_REFUSED;
}

static int32_t scalar(cye_reader *reader) {
    const char *value = (const char *)reader->event.data.scalar.value;
    size_t length = reader->event.data.scalar.length;
    if (reader->event.data.scalar.anchor) return refuse(reader, "anchors are not taken here");
    if (reader->event.data.scalar.tag) return refuse(reader, "tags are not taken here");
    if (memchr(value, 0, length)) return refuse(reader, "the text holds a NUL");
    reader->text = value;
    return CYE_SCALAR;
}

static int64_t problem_line(const cye_reader *reader) {
    if (reader->parser.error != YAML_READER_ERROR) return (int64_t)reader->parser.problem_mark.line + 1;
    // What is no text (no UTF-8, control characters) comes with an offset alone.
    int64_t line = 1;
    for (size_t i = 0; i < reader->parser.problem_offset && i < reader->size; i++) line += reader->copy[i] == '\n';
    return line;
}

int32_t cye_next(cye_reader *reader) {
    if (reader->has_event) yaml_event_delete(&reader->event);
    reader->has_event = false;
    reader->text = "";
    if (!yaml_parser_parse(&reader->parser, &reader->event)) {
        reader->line = problem_line(reader);
        return refuse(reader, reader->parser.problem ? reader->parser.problem : "the text cannot be read");
    }
    reader->has_event = true;
    reader->line = (int64_t)reader->event.start_mark.line + 1;
    switch (reader->event.type) {
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT: return cye_next(reader);
    case YAML_DOCUMENT_START_EVENT: return CYE_DOCUMENT_START;
    case YAML_SCALAR_EVENT: return scalar(reader);
    case YAML_SEQUENCE_START_EVENT:
        if (reader->event.data.sequence_start.anchor) return refuse(reader, "anchors are not taken here");
        if (reader->event.data.sequence_start.tag) return refuse(reader, "tags are not taken here");
        return CYE_SEQUENCE_START;
    case YAML_SEQUENCE_END_EVENT: return CYE_SEQUENCE_END;
    case YAML_MAPPING_START_EVENT:
        if (reader->event.data.mapping_start.anchor) return refuse(reader, "anchors are not taken here");
        if (reader->event.data.mapping_start.tag) return refuse(reader, "tags are not taken here");
        return CYE_MAPPING_START;
    case YAML_MAPPING_END_EVENT: return CYE_MAPPING_END;
    case YAML_ALIAS_EVENT: return refuse(reader, "aliases are not taken here; write a name with * in quotes");
    default: return CYE_END;
    }
}

int64_t cye_line(const cye_reader *reader) { return reader->line; }

const char *cye_text(const cye_reader *reader) { return reader->text; }

void cye_close(cye_reader *reader) {
    if (reader->has_event) yaml_event_delete(&reader->event);
    yaml_parser_delete(&reader->parser);
    free(reader->copy);
    free(reader);
}
