//! Limiters: made, edited, listed, deleted.

use schedules::Millis;
use schedules::rate::{Algorithm, LimiterId, Rule};
use store::Error;
use store::catalog::Limiter;

use crate::world::World;

fn limiter(name: &str, id: u128, limit: u32) -> Limiter {
    Limiter {
        workspace: "w".into(),
        name: name.into(),
        id: LimiterId(id),
        rule: Rule { limit, interval_ms: 1_000, burst: Some(3), algorithm: Algorithm::LeakyBucket },
        created: Millis(5),
        updated: Millis(5),
    }
}

#[tokio::test]
async fn an_edit_keeps_the_id_and_tells_other_processes() {
    let world = World::new().await;
    let catalog = &world.catalog;
    let (crm, mail) = (limiter("crm", u128::MAX, 10), limiter("mail", 7, 1));
    catalog.put_limiter(&mail).await.unwrap();
    catalog.put_limiter(&crm).await.unwrap();
    assert_eq!(catalog.all_limiters().await.unwrap(), [crm.clone(), mail.clone()]);
    let before = catalog.version().await.unwrap();
    let rule = Rule { limit: 99, interval_ms: 7, burst: None, algorithm: Algorithm::SlidingWindow };
    let edited = Limiter { id: LimiterId(1), rule, created: Millis(9), updated: Millis(9), ..crm.clone() };
    catalog.put_limiter(&edited).await.unwrap();
    let kept = Limiter { rule, updated: Millis(9), ..crm };
    assert_eq!(catalog.all_limiters().await.unwrap(), [kept, mail.clone()]);
    assert!(catalog.version().await.unwrap() > before);
    catalog.delete_limiter("w", "crm").await.unwrap();
    assert!(matches!(catalog.delete_limiter("w", "crm").await, Err(Error::NotFound { .. })));
    assert_eq!(catalog.all_limiters().await.unwrap(), [mail]);
}
