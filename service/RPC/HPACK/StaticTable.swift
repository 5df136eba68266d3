// SPDX-License-Identifier: Apache-2.0

/// The fields that every peer knows (RFC 7541, appendix A).
enum StaticTable {
    static let fields: [HeaderField] = """
        :authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|:status=204|\
        :status=206|:status=304|:status=400|:status=404|:status=500|accept-charset|accept-encoding=gzip, deflate|\
        accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|\
        content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type|\
        cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|\
        last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|\
        server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate
        """.split(separator: "|").map { text in
            let parts = text.split(separator: "=", maxSplits: 1).map { Array($0.utf8) }
            let value = parts.count > 1 ? parts[1] : []
            return HeaderField(
                name: FieldName(parts[0]), text: parts[0], value: value, size: 32 + parts[0].count + value.count,
                nameLength: parts[0].count)
        }
}
