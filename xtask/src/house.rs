//! The storey table of `docs/ARCHITECTURE.md` as values: which crate stands where and what it may touch.
//!
//! The document is the one place where this is written; the laws that follow from it are in `tidy`. A row is
//! `| storey | crate | folder | may | what it is |`, under a header whose first cell is `Storey`.

use std::fmt;

/// Where in the checkout the table stands.
pub(crate) const DOCUMENT: &str = "docs/ARCHITECTURE.md";

/// How high a crate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storey {
    /// 0 is the ground; a crate uses only lower numbers.
    Floor(u8),
    /// Outside the house: may use all of it, is used by none of it.
    Beside,
}

/// Something of the machine that most crates must not touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    Clock,
    Timers,
    Chance,
    Threads,
    Sockets,
    Files,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) storey: Storey,
    pub(crate) name: String,
    pub(crate) folder: String,
    pub(crate) may: Vec<Power>,
}

impl Power {
    pub(crate) const ALL: [Power; 6] =
        [Power::Clock, Power::Timers, Power::Chance, Power::Threads, Power::Sockets, Power::Files];

    fn parse(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|power| power.to_string() == word);
        found
            .ok_or_else(|| format!("{DOCUMENT}: `{word}` is not one of clock, timers, chance, threads, sockets, files"))
    }
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Power::Clock => "clock",
            Power::Timers => "timers",
            Power::Chance => "chance",
            Power::Threads => "threads",
            Power::Sockets => "sockets",
            Power::Files => "files",
        })
    }
}

impl fmt::Display for Storey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Storey::Floor(number) => write!(f, "storey {number}"),
            Storey::Beside => f.write_str("beside the house"),
        }
    }
}

/// Reads every row of the storey table out of the document's text.
pub(crate) fn parse(document: &str) -> Result<Vec<Room>, String> {
    let is_header = |line: &&str| cells(line).first().is_some_and(|cell| *cell == "Storey");
    let from_header = document.lines().skip_while(|line| !is_header(line));
    let rows: Vec<&str> = from_header.skip(2).take_while(|line| line.starts_with('|')).collect();
    if rows.is_empty() {
        return Err(format!("{DOCUMENT}: no table whose header begins with `Storey`"));
    }
    rows.into_iter().map(room).collect()
}

fn room(row: &str) -> Result<Room, String> {
    let cells = cells(row);
    let [storey, name, folder, may, _] = cells.as_slice() else {
        return Err(format!("{DOCUMENT}: a row of the storey table needs five cells: {row}"));
    };
    let storey = match *storey {
        "beside" => Storey::Beside,
        number => Storey::Floor(number.parse().map_err(|_| format!("{DOCUMENT}: `{number}` is no storey"))?),
    };
    let may = may.split(',').map(str::trim).filter(|word| *word != "—").map(Power::parse).collect::<Result<_, _>>()?;
    Ok(Room { storey, name: unquoted(name), folder: unquoted(folder), may })
}

fn cells(row: &str) -> Vec<&str> {
    row.trim().trim_matches('|').split('|').map(str::trim).collect()
}

fn unquoted(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "prose\n\n| Storey | Crate | Folder | May | What it is |\n|---|---|---|---|---|\n";

    #[test]
    fn a_row_becomes_a_room_and_a_dash_grants_nothing() {
        let rooms = parse(&format!(
            "{HEADER}| 1 | `journal` | `crates/journal` | files, threads | the log |\n| beside | `bench` | `bench` | — | b |\n\n| 9 | x |"
        ))
        .unwrap();
        assert_eq!(rooms.len(), 2);
        assert_eq!(rooms[0].storey, Storey::Floor(1));
        assert_eq!(rooms[0].may, [Power::Files, Power::Threads]);
        assert_eq!((rooms[1].storey, rooms[1].name.as_str(), rooms[1].may.len()), (Storey::Beside, "bench", 0));
    }

    #[test]
    fn an_unknown_power_a_bad_storey_and_a_missing_table_are_refused() {
        assert!(parse(&format!("{HEADER}| 1 | `a` | `a` | teleport | x |")).unwrap_err().contains("teleport"));
        assert!(parse(&format!("{HEADER}| cellar | `a` | `a` | — | x |")).unwrap_err().contains("cellar"));
        assert!(parse(&format!("{HEADER}| 1 | `a` | — | x |")).unwrap_err().contains("five cells"));
        assert!(parse("no table here").is_err());
    }
}
