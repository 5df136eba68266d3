// SPDX-License-Identifier: Apache-2.0
//
// YAML text, event by event, from libyaml, whose unions Swift could read only through unsafe pointers.
#ifndef CYAMLEVENTS_H
#define CYAMLEVENTS_H
#include <stdint.h>

typedef struct cye_reader cye_reader;

enum {
    CYE_END,             ///< the text is over
    CYE_SCALAR,
    CYE_SEQUENCE_START,
    CYE_SEQUENCE_END,
    CYE_MAPPING_START,
    CYE_MAPPING_END,
    CYE_DOCUMENT_START,
    CYE_REFUSED,         ///< no YAML, or YAML beyond what is taken here; the text says why
};

/// A reader of a copy of `text`; NULL where memory is short. To be closed.
cye_reader *_Nullable cye_open(const uint8_t *_Nonnull text, int64_t size);
/// Goes to the next event and returns its kind. Anchors, aliases, tags and NUL are refused.
int32_t cye_next(cye_reader *_Nonnull reader);
/// The line of the event, from 1.
int64_t cye_line(const cye_reader *_Nonnull reader);
/// The scalar's text, or why the text is refused. Holds until the next event.
const char *_Nonnull cye_text(const cye_reader *_Nonnull reader);
void cye_close(cye_reader *_Nonnull reader);
#endif
