"""English words of company names, with how listed names write them in Hangul."""

from __future__ import annotations

_LETTERS = (
    "에이", "비", "씨", "디", "이", "에프", "지", "에이치", "아이",
    "제이", "케이", "엘", "엠", "엔", "오", "피", "큐", "알",
    "에스", "티", "유", "브이", "더블유", "엑스", "와이", "제트",
)  # fmt: skip

_TABLE = """
aerospace 에어로스페이스 항공우주
air 에어 항공
airlines 항공
alteogen 알테오젠
amorepacific 아모레퍼시픽
and 앤
asset 자산 에셋
auto 오토
autoever 오토에버
bank 뱅크 은행
battery 배터리
bio 바이오
biologics 바이오로직스
biopharm 바이오팜
bioscience 바이오사이언스
bobcat 밥캣
brain 브레인
card 카드
celltrion 셀트리온
chem 화학 케미칼 켐
chemical 화학 케미칼
classys 클래시스
communications 커뮤니케이션즈
construction 건설
cosmax 코스맥스
daewoo 대우
daeduck 대덕
display 디스플레이
doosan 두산
ecopro 에코프로
elec 전자
electric 전기 일렉트릭 전력
electronics 전자
enerbility 에너빌리티
energy 에너지
engineering 엔지니어링 건설
entertainment 엔터테인먼트
finance 금융 파이낸스
financial 금융 금융지주
fire 화재
food 식품
foods 식품 푸드
future 퓨처
futurem 퓨처엠
gas 가스
global 글로벌
glovis 글로비스
group 지주 그룹
hana 하나
hanjin 한진
hankook 한국
hanmi 한미
hanwha 한화
heavy 중
holdings 홀딩스 지주
hybe 하이브
hynix 하이닉스
hyosung 효성
hyundai 현대
industrial 산업 기업
industries 공업 산업
innotek 이노텍
innovation 이노베이션
insurance 보험 손해보험 화재
international 인터내셔널
investment 투자
it 아이티
kakao 카카오
kia 기아
kiwoom 키움
kogas 한국가스공사
korea 한국
korean 대한
krafton 크래프톤
kumho 금호
life 생명
logistics 글로비스 로지스틱스 통운
lotte 롯데
marine 해상 마린
materials 머티리얼즈 소재
meritz 메리츠
mirae 미래
mobis 모비스
motor 차 자동차
motors 차 자동차 모터스
naver 네이버
ncsoft 엔씨소프트
netmarble 넷마블
next 넥스트 넥스
ocean 오션
oil 오일 정유
orion 오리온
paper 제지
pay 페이
pearl 펄
peptron 펩트론
pharm 제약 약품 팜
pharma 제약 약품 파마
pharmaceutical 제약 약품
pharmaceuticals 제약 약품
posco 포스코
power 전력 파워
pref 우
preferred 우
rainbow 레인보우
robot 로봇
robotics 로보틱스
rotem 로템
samsung 삼성
samyang 삼양
securities 증권
semiconductor 반도체
shinhan 신한
shipbuilding 조선 조선해양
soft 소프트
solution 솔루션 에너지솔루션
solutions 솔루션
solus 솔루스
square 스퀘어
steel 제철 철강
system 시스템
systems 시스템 시스템즈
tech 테크
techwin 테크윈
technologies 테크놀로지
technology 테크놀로지
telecom 텔레콤
tire 타이어
trading 상사
uplus 유플러스
vision 비전
woori 우리
yuhan 유한양행 유한
"""

WORDS: dict[str, tuple[str, ...]] = {
    word: tuple(korean) for word, *korean in (line.split() for line in _TABLE.split("\n") if line)
}
"""The Hangul of an English word, the most usual first."""


def spelled(word: str) -> str:
    """The letters by their Korean names, as listed names write abbreviations: `sds` 에스디에스."""
    return "".join(_LETTERS[ord(letter) - ord("a")] for letter in word)
