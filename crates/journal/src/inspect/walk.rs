//! A walk along the log that does not end at damage: it goes on at the next sound block and says what lies between.
//!
//! Recovery refuses at the first doubt. A check has to find all there is, and a repair has to know what a cut would lose.
//! The rules are those of `recover.rs`: where the chain does not go on the log ends, unless anything shows a later block;
//! then what is missing had been durable. Between the two the walk looks at every page for the chain's next sound block.

use std::io::ErrorKind;
use std::ops::ControlFlow;

use crate::{
    block::{BlockHeader, FILE_HEAD, FileHead, HeaderFault},
    chain::{Chain, Link},
    error::{Fault, OpenError},
    io::{Io, IoFile},
    limits::{LOG_FORMAT, PAGE_BYTES},
    manifest::FileStart,
    reader::Reader,
    shelf::{log_name, log_number, spare_number},
};

const PAGE: u64 = PAGE_BYTES as u64;

/// Bytes in which a damaged page may differ from what it should be, to be told from a page that is something else.
const FEW_BYTES: usize = 8;

/// What a walk comes by, in order.
pub(crate) enum Step<'a> {
    /// The next sound block.
    Block(Block<'a>),
    /// Blocks that were durable are not there.
    Gap(Gap),
    /// Something is wrong that holds no record.
    Flaw(Flaw),
}

/// A sound block, file heads included.
pub(crate) struct Block<'a> {
    pub(crate) file: u64,
    pub(crate) offset: u64,
    pub(crate) header: BlockHeader,
    pub(crate) crc: u32,
    pub(crate) payload: &'a [u8],
}

/// What was durable and is lost, as far as the log itself can tell.
#[derive(Debug, Clone)]
pub(crate) struct Gap {
    pub(crate) file: u64,
    pub(crate) offset: u64,
    pub(crate) why: String,
    /// The end of the log before it.
    pub(crate) chain: Chain,
    /// The first position behind it, if the log goes on.
    pub(crate) resumed: Option<u64>,
}

/// A damaged place without records.
#[derive(Debug, Clone)]
pub(crate) struct Flaw {
    pub(crate) file: u64,
    pub(crate) offset: u64,
    pub(crate) why: String,
    /// The page at `page.0`, as it should be.
    pub(crate) page: Option<(u64, Vec<u8>)>,
}

/// Where the log ends.
pub(crate) struct End {
    pub(crate) chain: Chain,
    pub(crate) file: u64,
    pub(crate) offset: u64,
    /// What stands there instead of nothing: as a rule a block that was being written at a crash.
    pub(crate) torn: Option<&'static str>,
}

/// How long log files are to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lengths {
    /// As their heads say.
    Whole,
    /// As long as what was copied of them.
    Copied,
}

pub(crate) type Visit<'a> = dyn FnMut(Step<'_>) -> Result<ControlFlow<()>, OpenError> + 'a;

/// A place where the chain does not go on, not yet known to be an end or a gap.
struct Doubt {
    file: u64,
    offset: u64,
    why: &'static str,
    /// No crash leaves this: it is a gap whatever follows.
    certain: bool,
    /// A copy of the next file's head stands there.
    signpost: bool,
    torn: bool,
}

struct Walk<'a, 'v> {
    io: &'a dyn Io,
    chain: Chain,
    reader: Reader,
    doubt: Option<Doubt>,
    lengths: Lengths,
    visit: &'a mut Visit<'v>,
    stopped: bool,
    /// The file being walked, and where its next block is to stand.
    at: (u64, u64),
}

/// What was found at an offset.
enum Found {
    /// A sound block that follows, so long.
    Block(u64),
    Nothing,
    /// The rest of the file is not the log's.
    Leave,
}

/// Walks from `base` to the end of the log, or until the visitor has enough.
pub(crate) fn walk(io: &dyn Io, base: FileStart, lengths: Lengths, visit: &mut Visit<'_>) -> Result<End, OpenError> {
    let names = io.list().map_err(Fault::of("journal", "list"))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| log_number(name)).collect();
    numbers.retain(|number| *number >= base.file);
    numbers.sort_unstable();
    let reader = Reader::new(u64::MAX);
    let mut walk =
        Walk { io, chain: base.chain, reader, doubt: None, lengths, visit, stopped: false, at: (base.file, 0) };
    let mut expected = base.file;
    for number in numbers {
        if number != expected {
            walk.doubt_of(expected, 0, "the file is missing", true);
        }
        walk.file(number)?;
        if walk.stopped {
            let (file, offset) = walk.at;
            return Ok(End { chain: walk.chain, file, offset, torn: None });
        }
        expected = number + 1;
    }
    if expected == base.file {
        walk.doubt_of(base.file, 0, "the file is missing", true);
    }
    walk.finish(names.iter().filter(|name| spare_number(name).is_some()))
}

impl Walk<'_, '_> {
    /// Notes that the chain does not go on; the first such place counts, until a certain one follows.
    fn doubt_of(&mut self, file: u64, offset: u64, why: &'static str, certain: bool) {
        let known = self.doubt.as_ref().is_some_and(|doubt| doubt.certain || !certain);
        if !known {
            self.doubt = Some(Doubt { file, offset, why, certain, signpost: false, torn: false });
        }
    }

    fn show(&mut self, step: Step<'_>) -> Result<(), OpenError> {
        self.stopped |= (self.visit)(step)?.is_break();
        Ok(())
    }

    fn file(&mut self, number: u64) -> Result<(), OpenError> {
        let name = log_name(number);
        let file = self.io.open(&name).map_err(Fault::of(&name, "open"))?;
        let bytes = file.len().map_err(Fault::of(&name, "length"))?;
        self.reader.clear();
        let mut offset = 0;
        while offset + PAGE <= bytes && !self.stopped {
            match self.look(&*file, &name, number, offset)? {
                Found::Block(length) => offset += length,
                Found::Nothing => offset += PAGE,
                Found::Leave => break,
            }
        }
        if bytes < PAGE {
            self.doubt_of(number, 0, "the head of the file is cut off", true);
        }
        let unchecked = self.stopped || self.lengths == Lengths::Copied;
        if unchecked { Ok(()) } else { self.check_length(&*file, &name, number, bytes) }
    }

    /// A file never shrinks: one that is shorter than its head says was cut.
    fn check_length(&mut self, file: &dyn IoFile, name: &str, number: u64, bytes: u64) -> Result<(), OpenError> {
        let Ok((header, _)) = self.reader.header(file, name, 0)? else { return Ok(()) };
        let payload = self.reader.payload(file, name, 0, &header)?;
        let Some(head) = payload.and_then(FileHead::decode) else { return Ok(()) };
        if bytes >= head.file_bytes {
            return Ok(());
        }
        let why = format!("the file was cut off here; it had {} bytes", head.file_bytes);
        self.show(Step::Flaw(Flaw { file: number, offset: bytes, why, page: None }))?;
        if let Some(doubt) = self.doubt.as_mut().filter(|doubt| doubt.file == number) {
            doubt.certain = true;
        } else {
            self.doubt_of(number, bytes, "the file ends here", true);
        }
        Ok(())
    }

    fn look(&mut self, file: &dyn IoFile, name: &str, number: u64, offset: u64) -> Result<Found, OpenError> {
        let certain = offset == 0;
        let (header, crc) = match self.reader.header(file, name, offset)? {
            Ok(found) => found,
            Err(HeaderFault::Newer(found)) => return Err(OpenError::newer(name, found, LOG_FORMAT)),
            Err(fault) => {
                let damaged = fault == HeaderFault::Checksum;
                let why = if damaged { "the block's header is damaged" } else { "there is no block header" };
                self.nothing(number, offset, why, certain, damaged);
                return Ok(Found::Nothing);
            }
        };
        let link = self.chain.link(&header);
        let is_head = header.has(FILE_HEAD);
        let settled = self.doubt.is_none();
        match link {
            Link::Next if is_head && !certain && settled => {
                self.nothing(number, offset, "the next file's head stands there", false, false);
                self.doubt.as_mut().expect("it was just noted").signpost = true;
                Ok(Found::Leave)
            }
            Link::Next if certain || settled => self.block(file, name, number, offset, header, crc),
            Link::Ahead if !is_head || certain => self.block(file, name, number, offset, header, crc),
            Link::Broken if settled || certain => {
                self.nothing(number, offset, "the block does not follow the one before it", true, false);
                Ok(Found::Nothing)
            }
            Link::Ahead => {
                // A signpost: whatever it follows is lost.
                self.certain();
                Ok(Found::Nothing)
            }
            Link::Stale | Link::Next | Link::Broken => {
                self.nothing(number, offset, "an older block stands there", certain, false);
                Ok(Found::Nothing)
            }
        }
    }

    fn nothing(&mut self, file: u64, offset: u64, why: &'static str, certain: bool, torn: bool) {
        let first = self.doubt.is_none();
        self.doubt_of(file, offset, why, certain);
        if let Some(doubt) = self.doubt.as_mut().filter(|_| first) {
            doubt.torn = torn;
        }
    }

    fn certain(&mut self) {
        if let Some(doubt) = &mut self.doubt {
            doubt.certain = true;
        }
    }

    /// A header that follows, or follows later, stands at `offset`.
    fn block(
        &mut self,
        file: &dyn IoFile,
        name: &str,
        number: u64,
        offset: u64,
        header: BlockHeader,
        crc: u32,
    ) -> Result<Found, OpenError> {
        let ahead = self.chain.link(&header) == Link::Ahead;
        let length = crate::padded(header.bytes()) as u64;
        let fits = self.reader.payload(file, name, offset, &header)?.map(|payload| header.is_sound(payload));
        if ahead && self.doubt.is_none() {
            self.doubt_of(number, offset, "a later block stands there", true);
        }
        if fits != Some(true) {
            let why =
                if fits.is_none() { "the block is longer than its file" } else { "the block's checksum is wrong" };
            // A header shows that its predecessor was durable, sound payload or not.
            if ahead {
                self.certain();
            }
            self.nothing(number, offset, why, offset == 0 || fits.is_none(), true);
            return Ok(Found::Nothing);
        }
        if offset == 0 && !is_head_of(&self.reader.payload(file, name, 0, &header)?, number, &header) {
            self.nothing(number, 0, "the head of the file is damaged", true, false);
            return Ok(Found::Nothing);
        }
        self.settle(&header, number, offset)?;
        if self.stopped {
            return Ok(Found::Leave);
        }
        let page = self.padding_flaw(file, name, number, offset, &header)?;
        if let Some(flaw) = page {
            self.show(Step::Flaw(flaw))?;
        }
        self.chain.advance(&header, crc);
        self.at = (number, offset + length);
        let payload = self.reader.payload(file, name, offset, &header)?.expect("it was read a moment ago");
        let step = Step::Block(Block { file: number, offset, header, crc, payload });
        self.stopped |= (self.visit)(step)?.is_break();
        Ok(Found::Block(length))
    }

    /// Says what the doubt before a sound block comes to, and puts the chain before that block.
    fn settle(&mut self, header: &BlockHeader, number: u64, offset: u64) -> Result<(), OpenError> {
        let Some(doubt) = self.doubt.take() else { return Ok(()) };
        if self.chain.link(header) == Link::Next && !doubt.certain {
            assert_eq!(offset, 0, "only a file's head follows a place that was in doubt");
            return self.check_signpost(&doubt, number, header.bytes());
        }
        let gap = Gap {
            file: doubt.file,
            offset: doubt.offset,
            why: doubt.why.into(),
            chain: self.chain,
            resumed: Some(header.first_position),
        };
        self.chain.number = header.number;
        self.show(Step::Gap(gap))
    }

    /// The old file should end with a copy of the new one's head; a crash may have come before, damage looks different.
    fn check_signpost(&mut self, doubt: &Doubt, number: u64, used: usize) -> Result<(), OpenError> {
        let old = log_name(doubt.file);
        let file = self.io.open(&old).map_err(Fault::of(&old, "open"))?;
        let found = page_at(&*file, &old, doubt.offset)?;
        let new = log_name(number);
        let file = self.io.open(&new).map_err(Fault::of(&new, "open"))?;
        let mut head = page_at(&*file, &new, 0)?;
        // The head itself was found sound; what pads it is looked at by itself.
        head[used..].fill(0);
        let differing = found.iter().zip(&head).filter(|(found, head)| found != head).count();
        if found.len() != head.len() || differing == 0 || differing > FEW_BYTES {
            return Ok(());
        }
        let why = format!("the copy of {new}'s head is damaged");
        let page = Some((doubt.offset, head));
        self.show(Step::Flaw(Flaw { file: doubt.file, offset: doubt.offset, why, page }))
    }

    /// Behind a payload stand zeros.
    fn padding_flaw(
        &mut self,
        file: &dyn IoFile,
        name: &str,
        number: u64,
        offset: u64,
        header: &BlockHeader,
    ) -> Result<Option<Flaw>, OpenError> {
        let end = header.bytes() as u64;
        if end.is_multiple_of(PAGE) {
            return Ok(None);
        }
        let page_start = offset + end / PAGE * PAGE;
        let used = usize::try_from(end % PAGE).expect("a page is small");
        let mut page = self.reader.page(file, name, page_start)?.to_vec();
        let Some(at) = page[used..].iter().position(|byte| *byte != 0) else { return Ok(None) };
        page[used..].fill(0);
        let at = offset + end + at as u64;
        let why = format!("what pads the block at {offset} is not zero");
        Ok(Some(Flaw { file: number, offset: at, why, page: Some((page_start, page)) }))
    }

    fn finish<'n>(mut self, spares: impl Iterator<Item = &'n String>) -> Result<End, OpenError> {
        for name in spares {
            let spare = match self.io.open(name) {
                Ok(spare) => spare,
                // A log that is being written has taken it since the folder was listed.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(Fault::of(name, "open")(error).into()),
            };
            self.reader.clear();
            if let Ok((header, _)) = self.reader.header(&*spare, name, 0)?
                && self.chain.link(&header) == Link::Ahead
            {
                self.certain();
            }
        }
        let doubt = self.doubt.take();
        let Some(mut doubt) = doubt else {
            let (file, offset) = self.at;
            return Ok(End { chain: self.chain, file, offset, torn: None });
        };
        if doubt.signpost {
            let (file, why) =
                (doubt.file + 1, "the file is missing, but the one before it says that the log goes on in it");
            doubt = Doubt { file, offset: 0, why, certain: true, ..doubt };
        }
        let (file, offset) = (doubt.file, doubt.offset);
        if doubt.certain {
            let gap = Gap { file, offset, why: doubt.why.into(), chain: self.chain, resumed: None };
            self.show(Step::Gap(gap))?;
        }
        Ok(End { chain: self.chain, file, offset, torn: doubt.torn.then_some(doubt.why) })
    }
}

fn is_head_of(payload: &Option<&[u8]>, number: u64, header: &BlockHeader) -> bool {
    let head = payload.and_then(FileHead::decode);
    header.has(FILE_HEAD) && head.is_some_and(|head| head.file == number)
}

fn page_at(file: &dyn IoFile, name: &str, offset: u64) -> Result<Vec<u8>, Fault> {
    let mut page = crate::AlignedBuf::new(PAGE_BYTES);
    let read = file.read_at(offset, &mut page).map_err(Fault::at(name, "read", offset))?;
    Ok(page[..read].to_vec())
}
