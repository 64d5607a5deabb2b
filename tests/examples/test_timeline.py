#!/usr/bin/env python3
# What receipts_async draws, in a browser's own words: the page is loaded without a network, and the
# lanes and states are read out of its DOM.  The SVG file must be well-formed and say the same.
# once
# limit 600
import os, re, shutil, subprocess, sys
from html.parser import HTMLParser
from xml.etree import ElementTree

BUILD = os.environ['TELAR_BUILD']
STATES = ['created', 'ready', 'running', 'blocked', 'ended']


class Late(Exception):
    """Nothing wrong, but the machine held the program up so long that nothing was shown."""


class Page(HTMLParser):
    """Panels of lanes of segments (state, from, to), as the page is read from its top to its end."""

    def __init__(self):
        super().__init__()
        self.panels, self.rows, self.foreign = [], [], []

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        kind = a.get('class', '')
        self.foreign += [v for k, v in attributes if k in ('src', 'href', 'xlink:href')]
        self.foreign += ['script'] * (tag == 'script')
        if kind == 'tl-panel':
            self.panels.append({**a, 'lanes': {}})
        elif kind == 'tl-lane':
            self.panels[-1]['lanes'][a['data-name']] = []
        elif 'data-state' in a:
            lane = list(self.panels[-1]['lanes'].values())[-1]
            lane.append((a['data-state'], int(a['data-from']), int(a['data-to'])))
        elif 'data-at-once' in a:
            self.panels[-1]['at once'] = int(a['data-at-once'])


def need(what, why):
    if not what:
        sys.exit(why)


def draw(*args):
    p = subprocess.run([os.path.join(BUILD, 'examples/receipts_async'), *args,
                        '--timeline', 'page.html', '--svg', 'picture.svg'],
                       capture_output=True, text=True)
    need(p.returncode == 0 and not p.stderr, f'{args}: {p.stdout}{p.stderr}')
    return float(re.search(r'procesador (\S+) ms', p.stdout)[1]) * 1e6


def browse():
    # Its socket stands in TMPDIR, and the path of a socket is short.
    p = subprocess.run(['chromium', '--headless', '--no-sandbox', '--disable-gpu',
                        '--disable-background-networking', '--user-data-dir=profile',
                        '--dump-dom', 'file://' + os.path.abspath('page.html')],
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                       env={**os.environ, 'TMPDIR': '.'})
    need(p.returncode == 0, f'chromium: {p.returncode}')
    page = Page()
    page.feed(p.stdout)
    return page


def same_as_svg(page):
    """The picture alone: well-formed, told in words, and the same segments."""
    ns = '{http://www.w3.org/2000/svg}'
    svg = ElementTree.parse('picture.svg').getroot()
    for id in svg.get('aria-labelledby').split():
        need(svg.find(f"./*[@id='{id}']").text.strip(), f'the picture has no {id}')
    drawn = [(r.get('data-state'), int(r.get('data-from')), int(r.get('data-to')))
             for r in svg.iter(ns + 'rect') if r.get('data-state')]
    in_page = [s for p in page.panels for lane in p['lanes'].values() for s in lane]
    need(drawn == in_page and drawn, 'page and picture differ')
    need(all(r.find(ns + 'title').text for r in svg.iter(ns + 'rect') if r.get('data-state')),
         'a segment without words')


def check_lane(panel, name, lane):
    where = f"{panel['data-way']}, {name}: {lane}"
    need(lane, f'{where}: nothing in it')
    for state, start, end in lane:
        need(state in STATES and start < end, f'{where}: {state} {start} {end}')
    for (_, _, end), (_, start, _) in zip(lane, lane[1:]):
        need(end == start, f'{where}: a gap, or out of order, at {end}')
    need(lane[-1][2] == int(panel['data-length']), f'{where}: ends early')
    need('ended' not in [s for s, _, _ in lane[:-1]], f'{where}: it lives on')


def overlaps(panel, state):
    """How many lanes are in that state at once, at the most."""
    changes = sorted((at, by) for lane in panel['lanes'].values() for s, start, end in lane
                     if s == state for at, by in ((start, 1), (end, -1)))
    now = most = 0
    for _, by in changes:
        now += by
        most = max(most, now)
    return most


def check_way(panel, work):
    """Lanes of strands begin as created, then ready, and run at least for the work they do.  (What
    comes third may be anything: a first moment of running in which a thread is put off again
    counts as ready.)"""
    way, lanes = panel['data-way'], panel['lanes']
    for name, lane in lanes.items():
        check_lane(panel, name, lane)
        if way != 'secuencial':
            need([s for s, _, _ in lane[:2]] == ['created', 'ready'],
                 f'{way}, {name}: begins with {lane[:3]}')
        ran = sum(end - start for state, start, end in lane if state == 'running')
        need(ran >= work / 2, f'{way}, {name}: ran for {ran} ns, of {work}')
    most = overlaps(panel, 'running')
    if way == 'secuencial':
        need(len(lanes) == 1, f'secuencial: {len(lanes)} lanes')
    elif way == 'tareas':
        need(most == 1, f'tareas: {most} of one loop run at once')
    need(panel['at once'] >= most, f"{way}: told {panel['at once']} at once, drawn {most}")
    if way != 'secuencial' and overlaps(panel, 'blocked') < 2:
        raise Late(f'{way}: they do not wait together')


def check(students, drawn, scale, much):
    """much: the work of each is long beside what is lost where a processor is taken away."""
    work = much * draw('--students', str(students), '--scale', scale)
    page = browse()
    need(not page.foreign, f'the page needs {page.foreign}')
    ways = {p['data-way']: p for p in page.panels}
    need(list(ways) == ['secuencial', 'hilos', 'procesos', 'tareas'], f'the ways are {list(ways)}')
    for way, panel in ways.items():
        check_way(panel, work)
        if way != 'secuencial':
            need((int(panel['data-strands']), int(panel['data-drawn']), len(panel['lanes'])) ==
                 (students, drawn, drawn), f"{way}: {panel['data-drawn']} lanes")
    same_as_svg(page)


if not shutil.which('chromium'):
    print('chromium is not installed')
    sys.exit(77)
for case in (5, 5, '0.05', True), (300, 24, '0.02', False):
    for left in range(9, -1, -1):
        try:
            check(*case)
            break
        except Late as late:
            need(left, f'{late}, ten times')
