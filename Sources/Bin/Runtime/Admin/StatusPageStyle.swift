/// The status page's look: readable in light and dark, on a phone and on a wall, without anything from outside.
enum StatusPageStyle {
  static let css = """
    :root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b2430;--soft:#667085;--line:#e4e7ec;--accent:#2563eb;
    --good:#067647;--goodbg:#d1fadf;--warn:#93570b;--warnbg:#fef0c7;--bad:#b42318;--badbg:#fee4e2}
    @media (prefers-color-scheme:dark){:root{--bg:#0e131a;--card:#171e28;--ink:#e6eaf0;--soft:#98a2b3;--line:#2a3442;
    --accent:#6ea8fe;--good:#75e0a7;--goodbg:#053321;--warn:#fec84b;--warnbg:#3a2503;--bad:#fda29b;--badbg:#4a1310}}
    *{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);
    font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
    header,main,footer{max-width:1200px;margin:0 auto;padding:0 20px}header{padding-top:22px}
    h1{margin:0;font-size:26px}h1 span{font-weight:400;color:var(--soft)}h2{margin:0 0 12px;font-size:17px}
    small,header p,footer{color:var(--soft)}h2 small{font-weight:400;margin-left:6px}
    section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px 18px;margin:16px 0}
    .wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
    th{font-size:12px;text-align:left;color:var(--soft);font-weight:600;white-space:nowrap}
    th,td{padding:7px 14px 7px 0;border-bottom:1px solid var(--line);vertical-align:top}
    tbody tr:last-child td{border-bottom:0}.n{font-variant-numeric:tabular-nums;white-space:nowrap}
    .badge{display:inline-block;border-radius:99px;padding:1px 10px;font-size:13px;font-weight:600}
    .badge.good{background:var(--goodbg)}.badge.warn{background:var(--warnbg)}.badge.bad{background:var(--badbg)}
    .good{color:var(--good)}.warn{color:var(--warn)}.bad,.error{color:var(--bad)}
    .error,.past{font-size:13px;overflow-wrap:anywhere;max-width:70ch}.past{color:var(--soft)}
    dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(170px,1fr));gap:10px 20px;margin:14px 0 4px}
    dt{font-size:12px;color:var(--soft)}dd{margin:0;font-weight:600;font-variant-numeric:tabular-nums}
    .bar{height:8px;border-radius:4px;background:var(--line);overflow:hidden}
    .bar i{display:block;height:100%;background:var(--accent)}
    footer{padding-bottom:26px}footer a{margin-right:16px}a{color:var(--accent)}
    """
}
