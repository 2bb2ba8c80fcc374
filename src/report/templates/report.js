'use strict';
(() => {
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const box = document.getElementById('filter');
  const found = document.getElementById('found');
  const toggle = document.getElementById('toggle');
  const texts = new Map(all('.f').map((el) => [el, el.textContent.toLowerCase()]));

  const filter = () => {
    const wanted = box.value.trim().toLowerCase();
    let shown = 0;
    texts.forEach((text, el) => {
      el.hidden = wanted !== '' && !text.includes(wanted);
      shown += el.hidden ? 0 : 1;
    });
    found.textContent = wanted === '' ? '' : shown + ' of ' + texts.size + ' entries shown';
  };

  let open = false;
  const openAll = (to) => all('details').forEach((el) => { el.open = to; });
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const folded = target && target.closest('details');
    if (folded) { folded.open = true; target.scrollIntoView(); }
  };

  box.addEventListener('input', filter);
  toggle.addEventListener('click', () => {
    open = !open;
    openAll(open);
    toggle.textContent = open ? 'Close all details' : 'Open all details';
  });
  let before = [];
  addEventListener('beforeprint', () => { before = all('details:not([open])'); openAll(true); });
  addEventListener('afterprint', () => { before.forEach((el) => { el.open = false; }); });
  addEventListener('hashchange', reveal);
  document.getElementById('tools').hidden = false;
  reveal();
})();
