//! What the public is told of an incident, and its closing report.

use charging::incident::desk::{
    Draft, IncidentError, begin, closing, publish, published, run, save, start, statement, statements,
};
use charging::incident::statement::{StatementFault, Wording};
use charging::subscriber::Language;
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use rust_decimal::Decimal;

use crate::desk::{approved, night};
use crate::today;

#[tokio::test]
async fn two_people_tell_the_public_what_the_execution_says() {
    let (world, ann, bob) = night().await;
    let pool = &world.db.app;
    let id = approved(&world, &ann, &bob).await;
    let mut conn = pool.acquire().await.unwrap();
    assert!(matches!(begin(&mut conn, &ann, id, today()).await, Err(IncidentError::NotDone)));
    start(&mut conn, &ann, id, today()).await.unwrap();
    assert!(matches!(begin(&mut conn, &ann, id, today()).await, Err(IncidentError::NotDone)));
    while run(pool, &mut ChaCha20Rng::seed_from_u64(7), today()).await.unwrap() {}
    begin(&mut conn, &ann, id, today()).await.unwrap();
    begin(&mut conn, &bob, id, today()).await.unwrap();
    let begun = statement(&mut conn, id).await.unwrap().unwrap();
    assert_eq!((begun.figures.subscribers, begun.figures.amount), (5, Decimal::from(100)));
    assert_eq!(begun.figures.arrives_by, "2026-11-27".parse().unwrap(), "a part is on its way through the gateway");
    assert_eq!(begun.versions.len(), 1, "begun once");
    assert_eq!(statements(&mut conn).await.unwrap(), [], "nobody let it out");
    assert_eq!(published(&mut conn, begun.statement_id).await.unwrap(), None);
    assert!(matches!(publish(&mut conn, &ann, id, 1, today()).await, Err(IncidentError::SamePerson)));
    assert!(matches!(publish(&mut conn, &bob, id, 2, today()).await, Err(IncidentError::Stale)));
    publish(&mut conn, &bob, id, 1, today()).await.unwrap();
    assert!(matches!(publish(&mut conn, &bob, id, 1, today()).await, Err(IncidentError::Stale)));
    let wording = |title: &str, text: &str| Wording { title: title.to_owned(), text: text.to_owned() };
    let text = "更正：{subscribers} 位，{amount} 元，{until}";
    let typed = Draft { chinese: wording("更正", "共 5 位，100 元"), english: wording("Correction", text) };
    let refused = save(&mut conn, &ann, id, &typed, today()).await;
    assert!(matches!(refused, Err(IncidentError::Statement(StatementFault::NoFigures))));
    let draft = Draft { chinese: wording("更正", text), english: wording("Correction", text) };
    assert_eq!(save(&mut conn, &ann, id, &draft, today()).await.unwrap(), 2);
    let shown = async || published(&mut pool.acquire().await.unwrap(), begun.statement_id).await.unwrap().unwrap();
    assert_eq!(shown().await.versions.len(), 1, "a correction is not shown before somebody lets it out");
    publish(&mut conn, &bob, id, 2, today()).await.unwrap();
    let both = shown().await;
    let titles: Vec<&str> = both.versions.iter().map(|v| v.draft.wording(Language::Chinese).title.as_str()).collect();
    assert_eq!(titles, ["更正", "关于多收费用退还的说明"]);
    assert_eq!(both.versions[0].draft.chinese.filled(&both.figures), "更正：5 位，100.00 元，2026-11-27");
    let listed = statements(&mut conn).await.unwrap();
    assert_eq!((listed.len(), listed[0].versions[0].version), (1, 2));
    let report = closing(&mut conn, id).await.unwrap();
    let steps: Vec<(&str, Option<&str>)> =
        report.deeds.iter().map(|deed| (deed.action.as_str(), deed.by.as_deref())).collect();
    let (ann, bob) = (Some("ann"), Some("bob"));
    let expected = [
        ("incident.open", ann),
        ("incident.list", ann),
        ("incident.exclude", ann),
        ("incident.propose", ann),
        ("incident.approve", bob),
        ("incident.execute", ann),
        ("incident.statement", ann),
        ("incident.publish", bob),
        ("incident.statement", ann),
        ("incident.publish", bob),
    ];
    assert_eq!(steps, expected);
    let exclusion = &report.exclusions[0];
    assert_eq!((exclusion.reason.as_str(), exclusion.charges, exclusion.amount), ("本人订购", 1, Decimal::from(20)));
    assert_eq!(report.refused, []);
    drop(conn);
    world.db.drop().await;
}
