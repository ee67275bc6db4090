use leptos::prelude::*;

/// One bar: what stands below it, its height in any unit, and the value in words.
#[derive(Clone, Debug)]
pub struct Bar {
    pub label: String,
    pub value: u64,
    pub text: String,
    /// Drawn lighter: not final yet, or not the one meant.
    pub soft: bool,
}

/// A column chart drawn on the server. The figures are in a table below it for whoever cannot see or hover.
#[component]
pub fn BarChart(
    /// What the chart shows, in a sentence.
    title: String,
    bars: Vec<Bar>,
    /// The word on the switch that opens the figures.
    #[prop(into)]
    table_label: String,
    /// Every how many bars a label is drawn.
    label_every: usize,
) -> impl IntoView {
    const HEIGHT: u64 = 120;
    const WIDTH: usize = 640;
    let top = bars.iter().map(|bar| bar.value).max().filter(|top| *top > 0).unwrap_or(1);
    // A few bars stay slim.
    let slot = (WIDTH / bars.len().max(1)).min(64);
    let every = label_every.max(1);
    let columns = bars
        .iter()
        .enumerate()
        .map(|(i, bar)| {
            let height = u64::try_from(u128::from(bar.value) * u128::from(HEIGHT) / u128::from(top)).unwrap_or(HEIGHT);
            let height = if bar.value > 0 { height.max(2) } else { 0 };
            let x = i * slot;
            let class = if bar.soft { "bar-soft" } else { "bar" };
            // Labels stay inside the drawing at both ends.
            let (anchor, label_x) = match i {
                0 => ("start", 0),
                i if (i + every) * slot > WIDTH => ("end", ((i + 1) * slot).min(WIDTH)),
                _ => ("middle", x + slot / 2),
            };
            view! {
                <g>
                    <title>{format!("{}: {}", bar.label, bar.text)}</title>
                    <rect class="hit" x=x.to_string() y="0" width=slot.to_string() height=(HEIGHT + 4).to_string() />
                    <rect
                        class=class
                        x=(x + slot / 8).to_string()
                        y=(HEIGHT - height + 4).to_string()
                        width=(slot - slot / 4).max(1).to_string()
                        height=height.to_string()
                        rx="2"
                    />
                    {(i % every == 0)
                        .then(|| {
                            view! {
                                <text x=label_x.to_string() y=(HEIGHT + 22).to_string() text-anchor=anchor>
                                    {bar.label.clone()}
                                </text>
                            }
                        })}
                </g>
            }
        })
        .collect_view();
    let rows = bars
        .iter()
        .map(|bar| {
            view! {
                <tr>
                    <th scope="row">{bar.label.clone()}</th>
                    <td class="num">{bar.text.clone()}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <figure class="stack-tight">
            <svg class="chart" viewBox="0 0 640 150" role="img" aria-label=title.clone()>
                <line class="axis" x1="0" x2="640" y1="124.5" y2="124.5" />
                {columns}
            </svg>
            <details>
                <summary>{table_label}</summary>
                <table class="table">
                    <caption class="sr">{title}</caption>
                    <tbody>{rows}</tbody>
                </table>
            </details>
        </figure>
    }
}
