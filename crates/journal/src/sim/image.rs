//! What a simulated disk holds: what is certain, what is seen, and what a crash may still decide.
//!
//! `stable` is what survives for sure; `seen` is what reads return; `doubtful` are the writes in between. Names have
//! the same three.

use std::{collections::BTreeMap, io, sync::Arc};

use super::content::Content;

#[derive(Clone, Default)]
pub(super) struct Image {
    inodes: Vec<Inode>,
    seen: BTreeMap<String, usize>,
    stable: BTreeMap<String, usize>,
    doubtful: Vec<Change>,
}

#[derive(Clone, Default)]
struct Inode {
    seen: Content,
    stable: Content,
    doubtful: Vec<Write>,
}

#[derive(Clone)]
struct Write {
    offset: u64,
    bytes: Arc<[u8]>,
    /// A sync of it failed: later syncs do not write it any more.
    given_up: bool,
}

impl Write {
    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    /// What of it none of `later` covers.
    fn without(self, later: &[Write]) -> Vec<Write> {
        let mut left = vec![self];
        for over in later {
            left = left.into_iter().flat_map(|write| write.outside(over)).collect();
        }
        left
    }

    fn outside(self, over: &Write) -> Vec<Write> {
        if over.end() <= self.offset || self.end() <= over.offset {
            return vec![self];
        }
        let part = |from: u64, to: u64| {
            let at = |offset: u64| usize::try_from(offset - self.offset).expect("a write fits into memory");
            let bytes = self.bytes.get(at(from)..at(to)).filter(|bytes| !bytes.is_empty())?;
            Some(Write { offset: from, bytes: bytes.into(), given_up: self.given_up })
        };
        let before = part(self.offset, over.offset.max(self.offset));
        let after = part(over.end().min(self.end()), self.end());
        before.into_iter().chain(after).collect()
    }
}

#[derive(Clone)]
enum Change {
    Create(String, usize),
    Rename(String, String),
    Remove(String),
}

fn apply(names: &mut BTreeMap<String, usize>, change: &Change) {
    match change {
        Change::Create(name, inode) => {
            names.insert(name.clone(), *inode);
        }
        Change::Rename(from, to) => {
            if let Some(inode) = names.remove(from) {
                names.insert(to.clone(), inode);
            }
        }
        Change::Remove(name) => {
            names.remove(name);
        }
    }
}

/// How kind a crash is to what was not synced.
#[derive(Clone, Copy)]
enum Mercy {
    Nothing,
    Everything,
    /// Each piece of so many bytes by a throw.
    Pieces(usize),
}

impl Mercy {
    fn choose(rng: &mut fastrand::Rng) -> Self {
        match rng.u8(..8) {
            0 => Self::Nothing,
            1 => Self::Everything,
            2..=5 => Self::Pieces(512),
            _ => Self::Pieces(4096),
        }
    }

    fn spares(self, rng: &mut fastrand::Rng) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Pieces(_) => rng.bool(),
        }
    }
}

impl Image {
    pub(super) fn names(&self) -> Vec<String> {
        self.seen.keys().cloned().collect()
    }

    pub(super) fn inode(&self, name: &str) -> io::Result<usize> {
        self.seen.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn len(&self, inode: usize) -> u64 {
        self.inodes[inode].seen.len()
    }

    /// Space taken by files that still have a name.
    pub(super) fn used_bytes(&self) -> u64 {
        self.seen.values().map(|inode| self.len(*inode)).sum()
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.seen, &change);
        self.doubtful.push(change);
    }

    pub(super) fn create(&mut self, name: &str, bytes: u64) -> io::Result<usize> {
        if self.seen.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.inodes.push(Inode { seen: Content::zeros(bytes), ..Inode::default() });
        let inode = self.inodes.len() - 1;
        self.change(Change::Create(name.into(), inode));
        Ok(inode)
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.inode(from)?;
        self.change(Change::Rename(from.into(), to.into()));
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> io::Result<()> {
        self.inode(name)?;
        self.change(Change::Remove(name.into()));
        Ok(())
    }

    pub(super) fn sync_names(&mut self) {
        self.stable.clone_from(&self.seen);
        self.doubtful.clear();
    }

    pub(super) fn read(&self, inode: usize, offset: u64, out: &mut [u8]) -> usize {
        self.inodes[inode].seen.read(offset, out)
    }

    pub(super) fn write(&mut self, inode: usize, offset: u64, bytes: &[u8]) {
        let file = &mut self.inodes[inode];
        file.seen.write(offset, bytes);
        file.doubtful.push(Write { offset, bytes: bytes.into(), given_up: false });
    }

    pub(super) fn grow(&mut self, inode: usize, bytes: u64) {
        self.inodes[inode].seen.grow(bytes);
    }

    pub(super) fn sync(&mut self, inode: usize) {
        let Inode { seen, stable, doubtful } = &mut self.inodes[inode];
        if stable.len() < seen.len() {
            let mut longer = Content::zeros(seen.len());
            copy(stable, &mut longer);
            *stable = longer;
        }
        let (given_up, synced): (Vec<_>, Vec<_>) =
            std::mem::take(doubtful).into_iter().partition(|write| write.given_up);
        for write in &synced {
            stable.write(write.offset, &write.bytes);
        }
        // What is synced over a given-up write is on the disk behind it, whatever became of the latter.
        *doubtful = given_up.into_iter().flat_map(|write| write.without(&synced)).collect();
    }

    /// The kernel marks the pages clean and forgets them; whether they reached the disk nobody knows.
    pub(super) fn fail_sync(&mut self, inode: usize) {
        self.inodes[inode].doubtful.iter_mut().for_each(|write| write.given_up = true);
    }

    /// Decides everything doubtful.
    pub(super) fn crash(&self, rng: &mut fastrand::Rng) -> Image {
        let mut names = self.stable.clone();
        let mercy = Mercy::choose(rng);
        for change in &self.doubtful {
            if mercy.spares(rng) {
                apply(&mut names, change);
            }
        }
        let inodes = self.inodes.iter().map(|inode| inode.crash(rng)).collect();
        Image { inodes, seen: names.clone(), stable: names, doubtful: Vec::new() }
    }

    /// Changes a file at rest, certain and seen alike.
    pub(super) fn edit(&mut self, name: &str, edit: impl Fn(&mut Content)) {
        let inode = *self.seen.get(name).expect("the test edits a file that is there");
        let file = &mut self.inodes[inode];
        edit(&mut file.seen);
        edit(&mut file.stable);
    }

    pub(super) fn lose(&mut self, name: &str) {
        self.seen.remove(name);
        self.stable.remove(name);
    }

    pub(super) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let content = &self.inodes[*self.seen.get(name)?].seen;
        let mut bytes = vec![0; usize::try_from(content.len()).expect("a test's file fits into memory")];
        content.read(0, &mut bytes);
        Some(bytes)
    }
}

fn copy(from: &Content, to: &mut Content) {
    let mut piece = vec![0; 4096];
    let mut at = 0;
    loop {
        let read = from.read(at, &mut piece);
        if read == 0 {
            return;
        }
        to.write(at, &piece[..read]);
        at += read as u64;
    }
}

impl Inode {
    fn crash(&self, rng: &mut fastrand::Rng) -> Inode {
        let mercy = Mercy::choose(rng);
        let mut content = self.stable.clone();
        if content.len() < self.seen.len() && mercy.spares(rng) {
            let mut longer = Content::zeros(self.seen.len());
            copy(&content, &mut longer);
            content = longer;
        }
        for write in &self.doubtful {
            keep_pieces(&mut content, write, mercy, rng);
        }
        Inode { seen: content.clone(), stable: content, doubtful: Vec::new() }
    }
}

/// Keeps what mercy spares of one write. Applied in order, any piece may end as any of its versions.
fn keep_pieces(content: &mut Content, write: &Write, mercy: Mercy, rng: &mut fastrand::Rng) {
    let piece_bytes = match mercy {
        Mercy::Nothing => return,
        Mercy::Everything => write.bytes.len().max(1),
        Mercy::Pieces(bytes) => bytes,
    };
    for (at, piece) in (write.offset..).step_by(piece_bytes).zip(write.bytes.chunks(piece_bytes)) {
        let inside = at + piece.len() as u64 <= content.len();
        if inside && mercy.spares(rng) {
            content.write(at, piece);
        }
    }
}
