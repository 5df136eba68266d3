// SPDX-License-Identifier: Apache-2.0

/// The types of streams that NTFS has. Their names are compared in either case.
///
/// Source: [MS-FSCC] 2.1.5.4, and Microsoft, "File Streams", NTFS attribute types.
public enum StreamType: String, Sendable, Hashable, CaseIterable {
    case attributeList = "$ATTRIBUTE_LIST"
    case bitmap = "$BITMAP"
    case data = "$DATA"
    case extendedAttributes = "$EA"
    case extendedAttributesInformation = "$EA_INFORMATION"
    case fileName = "$FILE_NAME"
    case indexAllocation = "$INDEX_ALLOCATION"
    case indexRoot = "$INDEX_ROOT"
    case loggedUtilityStream = "$LOGGED_UTILITY_STREAM"
    case objectID = "$OBJECT_ID"
    case reparsePoint = "$REPARSE_POINT"

    init?(units: ArraySlice<UInt16>) {
        let type = Self.allCases.first { UpcaseTable.areEqual(Array($0.rawValue.utf16)[...], units) }
        guard let type else { return nil }
        self = type
    }
}
