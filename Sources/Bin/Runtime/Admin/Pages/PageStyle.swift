/// The pages' look: readable in light and dark, on a phone, on a wall and on paper, without anything from outside.
enum PageStyle {
  static let css = colors + frame + content + charts + narrow + paper

  private static let colors = """
    :root{color-scheme:light dark;--bg:#f5f6f8;--card:#fff;--ink:#1a2330;--soft:#5d6b7e;--line:#e3e7ed;--faint:#f0f2f5;
    --accent:#2457d6;--one:#2563eb;--two:#0d9488;--three:#7c3aed;
    --good:#05603a;--goodbg:#d9f5e5;--warn:#854a0e;--warnbg:#fdefc8;--bad:#b42318;--badbg:#fde4e1}
    @media (prefers-color-scheme:dark){:root{--bg:#0d1117;--card:#161c25;--ink:#e4e9f0;--soft:#98a4b5;--line:#29323f;
    --faint:#1d2530;--accent:#7aadff;--one:#5b9bff;--two:#2dd4bf;--three:#a78bfa;
    --good:#7ee2ae;--goodbg:#0c3524;--warn:#fbd27a;--warnbg:#3b2a08;--bad:#ff9d94;--badbg:#4a1712}}

    """

  private static let frame = """
    *{box-sizing:border-box}html{-webkit-text-size-adjust:100%}
    body{margin:0;background:var(--bg);color:var(--ink);
    font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
    .top,header>nav,main,footer{max-width:1240px;margin:0 auto;padding:0 24px}
    header{background:var(--card);border-bottom:1px solid var(--line)}
    .top{display:flex;flex-wrap:wrap;gap:6px 24px;align-items:center;justify-content:space-between;padding-top:14px}
    .top p{margin:0;display:flex;flex-wrap:wrap;gap:4px 16px;align-items:center;color:var(--soft);font-size:13px}
    .brand{display:flex;align-items:center;gap:9px;font-size:19px;font-weight:650;color:var(--ink)}
    .brand span{font-weight:400;color:var(--soft)}
    .brand svg{fill:none;stroke:var(--accent);stroke-width:3;stroke-linecap:round}
    header>nav{display:flex;gap:2px 24px;overflow-x:auto;padding-top:6px}
    header>nav a{padding:9px 0;color:var(--soft);border-bottom:2px solid transparent;white-space:nowrap;font-weight:550}
    header>nav a:hover{color:var(--ink)}
    header>nav a[aria-current]{color:var(--ink);border-color:var(--accent)}
    nav i{font-style:normal;font-size:12px;font-weight:650;padding:1px 7px;border-radius:99px}
    header>nav i{background:var(--badbg);color:var(--bad)}
    a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}.brand:hover,header>nav a:hover{text-decoration:none}
    a:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
    main{padding-top:20px}footer{padding-top:6px;padding-bottom:28px;font-size:13px;color:var(--soft)}
    footer a{margin-right:14px}

    """

  private static let content = """
    section,.tile{background:var(--card);border:1px solid var(--line);border-radius:10px}
    section{padding:16px 20px 18px;margin:0 0 16px}
    h2{margin:0 0 12px;font-size:16px;line-height:1.4;overflow-wrap:anywhere}
    h2 small{font-weight:400;font-size:13px;margin:0 4px}small,.past{color:var(--soft)}section p{margin:0}
    .past{font-size:13px;margin:6px 0!important;overflow-wrap:anywhere}
    .notice{margin:0 0 16px!important;padding:10px 16px;border-radius:10px;overflow-wrap:anywhere;
    background:var(--card);border:1px solid var(--line);border-left-width:4px}
    .notice.good{border-left-color:var(--good);color:var(--good)}
    .notice.warn{border-left-color:var(--warn);background:var(--warnbg);color:var(--warn)}
    .notice.bad{border-left-color:var(--bad);background:var(--badbg);color:var(--bad)}
    ul.notice{list-style:none;border-left-color:var(--bad)}.notice li{padding:3px 0}.notice li a{font-weight:650}
    .notice li::before{content:"";display:inline-block;width:8px;height:8px;border-radius:9px;margin-right:9px;background:var(--warn)}
    .notice li.bad::before{background:var(--bad)}.notice li.warn,.notice li.bad{color:var(--ink)}
    .notice li:not([class])::before{background:var(--line)}
    .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(178px,1fr));gap:12px;margin:0 0 16px}
    .tile{padding:12px 16px 13px;display:flex;flex-direction:column}
    .tile small{font-size:12.5px}.tile b{font-size:21px;line-height:1.35;font-weight:650;letter-spacing:-.01em}
    .tile span{font-size:12.5px;color:var(--soft)}.tile.bad b{color:var(--bad)}.tile.warn b{color:var(--warn)}
    .tile .bar{margin-top:7px}
    .bar{height:7px;border-radius:4px;background:var(--line);overflow:hidden}.bar.small{min-width:90px;margin:7px 0}
    .bar i{display:block;height:100%;background:var(--two)}.bar.warn i{background:var(--warn)}.bar.bad i{background:var(--bad)}
    .badge{display:inline-block;border-radius:99px;padding:1px 9px;font-size:12px;font-weight:650;white-space:nowrap;vertical-align:1px;
    background:var(--faint);color:var(--soft)}
    .badge.good{background:var(--goodbg);color:var(--good)}.badge.warn{background:var(--warnbg);color:var(--warn)}
    .badge.bad{background:var(--badbg);color:var(--bad)}
    .bad,.error{color:var(--bad)}.error{font-size:13px;overflow-wrap:anywhere;max-width:60ch;margin-top:3px}
    dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(158px,1fr));gap:12px 20px;margin:12px 0 14px}
    dt{font-size:12.5px;color:var(--soft)}dd{margin:0;font-weight:600;overflow-wrap:anywhere}dd small{font-weight:400}
    .tile b,dd,td,.axis,.plot span{font-variant-numeric:tabular-nums}
    table{border-collapse:collapse;width:100%}
    th{font-size:12.5px;text-align:left;color:var(--soft);font-weight:600;white-space:nowrap}
    th,td{padding:7px 18px 7px 0;border-bottom:1px solid var(--line);vertical-align:top}
    th:last-child,td:last-child{padding-right:0}tbody tr:last-child td{border-bottom:0;padding-bottom:0}
    td.n,th.n,.targets td:nth-child(n+3){text-align:right;white-space:nowrap}
    .targets{table-layout:fixed}.targets th{width:8%}.targets th:first-child{width:36%}.targets th:nth-child(2){width:auto}.targets th:nth-child(3){width:11%}
    .targets td b{font-weight:600;overflow-wrap:anywhere}
    .targets td p{font-size:12.5px;color:var(--soft);overflow-wrap:anywhere}.targets td i{font-style:normal;margin-right:9px}
    .targets td u{text-decoration:none;color:var(--ink)}
    .filters{display:flex;flex-wrap:wrap;gap:7px;margin:0 0 12px}
    .filters a{padding:3px 12px;border:1px solid var(--line);border-radius:99px;background:var(--card);color:var(--ink);font-size:13px}
    .filters a[aria-current]{border-color:var(--accent);color:var(--accent);font-weight:600}.filters i{color:var(--soft);padding:0 0 0 3px}
    .pager a{margin-left:14px}
    pre{margin:0;overflow-x:auto;font:13px/1.55 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;tab-size:2}
    mark{background:var(--warnbg);color:var(--warn);border-radius:3px;padding:0 3px}

    """

  private static let charts = """
    .charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(330px,1fr));gap:18px 26px}
    .charts.even{grid-template-columns:repeat(auto-fit,minmax(245px,1fr))}.charts+table{margin-top:14px}
    figure{margin:0;min-width:0;--tone:var(--one)}figure.two{--tone:var(--two)}figure.three{--tone:var(--three)}figure.bad{--tone:var(--bad)}
    figcaption{display:flex;justify-content:space-between;gap:10px;font-size:13px;color:var(--soft);margin-bottom:3px}
    figcaption b{color:var(--ink)}
    .plot{position:relative;height:96px;padding-top:15px}.plot svg{display:block;width:100%;height:100%}
    .plot p{font-size:13px;color:var(--soft);padding-top:24px;text-align:center;border-bottom:1px solid var(--line);height:100%}
    .plot span{position:absolute;left:0;top:0;font-size:11px;line-height:1.3;color:var(--soft);white-space:nowrap}
    .plot .range{left:auto;right:0}
    .grid{stroke:var(--line);stroke-width:1;fill:none}.area{fill:var(--tone);opacity:.14}
    .line{fill:none;stroke:var(--tone);stroke-width:1.75;stroke-linejoin:round;stroke-linecap:round}
    .grid,.line{vector-effect:non-scaling-stroke}
    .tips rect{fill:var(--ink);opacity:0}.tips rect:hover{opacity:.09}
    .axis{display:flex;justify-content:space-between;gap:8px;font-size:11px;color:var(--soft);margin-top:3px}

    """

  /// Tables become cards.
  private static let narrow = """
    @media (max-width:700px){.top,header>nav,main,footer{padding-left:14px;padding-right:14px}main{padding-top:14px}
    header>nav{gap:2px 18px}section{padding:14px 14px 16px}.tiles{grid-template-columns:1fr 1fr;gap:9px}.tile{padding:10px 12px}
    .tile b{font-size:18px}.charts{grid-template-columns:1fr}dl{grid-template-columns:1fr 1fr}
    .compact thead,.targets thead{display:none}
    .compact tr,.targets tr{display:grid;grid-template-columns:1fr 1fr;gap:2px 16px;padding:9px 0;border-bottom:1px solid var(--line)}
    .compact tr:last-child,.targets tr:last-child{border-bottom:0;padding-bottom:0}
    .compact td,.targets td{border:0;padding:1px 0!important;text-align:left!important;white-space:normal!important}
    .compact td:first-child,.targets td:first-child,.targets td:nth-child(2){grid-column:1/-1}
    .compact td::before,.targets td::before{color:var(--soft);font-size:12.5px;margin-right:6px}
    .compact td:not(:first-child)::before{content:attr(data-t)}
    .targets td:nth-child(3)::before{content:"last scrape"}.targets td:nth-child(4)::before{content:"took"}
    .targets td:nth-child(5)::before{content:"next in"}.targets td:nth-child(6)::before{content:"samples"}
    .targets td:nth-child(7)::before{content:"series"}.bar.small{margin:4px 0}}

    """

  private static let paper = """
    @media print{:root{--bg:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb}body{font-size:11px}
    header>nav,footer,.filters,.tips{display:none}section,.tile,figure{break-inside:avoid}section{padding:8px 0;border-width:1px 0 0;border-radius:0}
    .targets tr{break-inside:avoid}.top,main{max-width:none;padding:0}header{border:0}}
    """
}
