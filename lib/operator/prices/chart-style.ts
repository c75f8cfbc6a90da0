// Told apart by hue, and by dash where lines lie on each other or the reader sees no colour. Light, dark, dash.
const LINES = [
  ['#1668c9', '#6cb1ff', ''],
  ['#c2410c', '#ff9d5c', '7 3'],
  ['#0f7b5f', '#4fd6a8', '2 3'],
  ['#8b3fb5', '#d39bf5', '10 3 2 3'],
  ['#a16207', '#f2cc60', '4 2'],
  ['#be185d', '#ff8ac0', '1 3'],
];

/** How many zones have a look of their own; after that they come round again. */
export const LOOKS = LINES.length;

const lines = (shade: 0 | 1) =>
  LINES.map((line, index) => `.s${index}{stroke:${line[shade]}}.f${index}{fill:${line[shade]}}`).join('');
const dashes = LINES.map(([, , dash], index) => (dash ? `.s${index}{stroke-dasharray:${dash}}` : '')).join('');

/** Colours by class; no custom properties, which not every SVG viewer knows. */
export const STYLE = [
  'text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:11px;fill:#57606a}',
  '.page{fill:#ffffff}.title{font-size:18px;font-weight:600;fill:#1f2328}.name{font-size:14px;font-weight:600;fill:#1f2328}',
  '.about{font-size:12px}.end{text-anchor:end}.middle{text-anchor:middle}',
  '.grid{stroke:#d8dee4}.axis{stroke:#8c959f}.line{fill:none;stroke-width:2;stroke-linejoin:round}.last{font-weight:600}',
  lines(0),
  dashes,
  '@media (prefers-color-scheme:dark){text{fill:#9198a1}.page{fill:#0d1117}.title,.name{fill:#f0f6fc}',
  `.grid{stroke:#2a313c}.axis{stroke:#656c76}${lines(1)}}`,
].join('\n');
