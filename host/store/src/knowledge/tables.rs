//! Cuts tables of comma-separated values: each row with the names of its columns. Knows no types.

use serde_json::json;

use super::IndexError;
use super::chunk::Chunk;
use super::plain::fill;

/// The most columns of a table: a sheet that people look at has far fewer, and each
/// row repeats their names.
const COLUMNS_MAX: usize = 256;

/// Passages of a table: `channel: mail; clicks: 120`. Empty cells are left out, empty
/// rows too; a row that is too long for one passage becomes several.
pub(crate) fn chunk(document: &str, text: &str) -> Result<Vec<Chunk>, IndexError> {
    let wrong = |reason: String| IndexError::NotATable { document: document.into(), reason };
    // Spreadsheets write a byte order mark; it is no part of the first column's name.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut table =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let columns = table.headers().map_err(|error| wrong(error.to_string()))?.clone();
    if columns.len() > COLUMNS_MAX {
        return Err(wrong(format!(
            "a table has at most {COLUMNS_MAX} columns; this one has {}",
            columns.len()
        )));
    }
    let names: Vec<&str> = columns.iter().collect();
    let mut chunks = Vec::new();
    for (index, row) in table.records().enumerate() {
        let row = row.map_err(|error| wrong(error.to_string()))?;
        let cells: Vec<String> = row
            .iter()
            .enumerate()
            .filter(|(_, value)| !value.is_empty())
            .map(|(column, value)| match names.get(column) {
                Some(name) if !name.is_empty() => format!("{name}: {value}"),
                _ => value.to_owned(),
            })
            .collect();
        let text = cells.join("; ");
        let metadata = json!({ "row": index + 1, "columns": names });
        let whole = 0..text.len();
        chunks.extend(fill(&text, [whole]).into_iter().map(|range| Chunk {
            heading: String::new(),
            text: text.get(range).unwrap_or_default().to_owned(),
            metadata: metadata.clone(),
        }));
    }
    Ok(chunks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_carry_the_names_of_their_columns() {
        let text =
            "\u{feff}channel,clicks,note\nmail, 120 ,\n,,\nsocial,7,\"a, \"\"b\"\"\",extra\n";
        let found = chunk("past.csv", text).unwrap();
        let texts: Vec<_> = found.iter().map(|chunk| chunk.text.as_str()).collect();
        assert_eq!(
            texts,
            ["channel: mail; clicks: 120", "channel: social; clicks: 7; note: a, \"b\"; extra"]
        );
        assert_eq!(found[1].metadata, json!({"row": 3, "columns": ["channel", "clicks", "note"]}));
    }

    #[test]
    fn what_is_no_table_is_an_error_with_its_name() {
        let wide = vec!["c"; COLUMNS_MAX + 1].join(",");
        let error = chunk("wide.csv", &wide).unwrap_err().to_string();
        assert!(error.starts_with("wide.csv: a table has at most 256 columns"), "{error}");
        assert!(chunk("empty.csv", "").unwrap().is_empty());
    }
}
