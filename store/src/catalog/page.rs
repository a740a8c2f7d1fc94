//! Cutting a page out of an ordered list by cursors, the same way for every noun.

use crate::Result;
use crate::queue::{Page, PageRequest};

/// The most items one page may have; a request for more, or for none, is brought into 1 to this.
pub const MAX_PAGE: usize = 100;

/// Which items to read: those between two cursors, from one end.
#[derive(Clone, Debug)]
pub(super) struct Seek<C> {
    /// Only items after this one in the list's order.
    pub after: Option<C>,
    /// Only items before this one in the list's order.
    pub before: Option<C>,
    /// Read from the end; the items come in reverse order.
    pub backwards: bool,
    /// At most this many.
    pub limit: usize,
}

/// A list in a fixed order that can be read from any cursor.
pub(super) trait Listing {
    /// What is listed.
    type Item;
    /// An item's place in the order.
    type Cursor: Clone;

    /// The place of an item.
    fn cursor(item: &Self::Item) -> Self::Cursor;

    /// The items a seek means.
    async fn read(&self, seek: Seek<Self::Cursor>) -> Result<Vec<Self::Item>>;

    /// How many items the whole list has.
    async fn total(&self) -> Result<u64>;
}

/// The page of `list` that `request` asks for.
pub(super) async fn page<L: Listing>(list: &L, request: PageRequest<L::Cursor>) -> Result<Page<L::Item>> {
    let total = list.total().await?;
    if total == 0 {
        return Ok(Page { items: Vec::new(), has_next: false, has_previous: false, total });
    }
    let PageRequest { first, after, before } = request;
    let limit = first.clamp(1, MAX_PAGE);
    let backwards = before.is_some();
    let seek = Seek { after: after.clone(), before: before.clone(), backwards, limit: limit + 1 };
    let mut items = list.read(seek).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    if backwards {
        items.reverse();
    }
    // Beyond a bound that was asked for there may be items; of an empty page the bounds themselves are the edges.
    let top = items.first().map(L::cursor).or(before.clone());
    let bottom = items.last().map(L::cursor).or(after.clone());
    let has_previous = backwards && more || after.is_some() && any(list, None, top).await?;
    let has_next = !backwards && more || before.is_some() && any(list, bottom, None).await?;
    Ok(Page { items, has_next, has_previous, total })
}

/// Whether there is an item between two places.
async fn any<L: Listing>(list: &L, after: Option<L::Cursor>, before: Option<L::Cursor>) -> Result<bool> {
    let backwards = before.is_some();
    Ok(!list.read(Seek { after, before, backwards, limit: 1 }).await?.is_empty())
}
