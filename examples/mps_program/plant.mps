* Which of three plants to open for two customers, and who is served from where: the cheapest way.
NAME          PLANT
ROWS
 N  COST
 G  SERVE1
 G  SERVE2
 L  ROOM1
 L  ROOM2
 L  ROOM3
COLUMNS
    MARKER                 'MARKER'                 'INTORG'
    OPEN1     COST              20.0   ROOM1            -10.0
    OPEN2     COST              15.0   ROOM2             -6.0
    OPEN3     COST              12.0   ROOM3             -5.0
    MARKER                 'MARKER'                 'INTEND'
    FLOW11    COST               2.0   SERVE1             1.0
    FLOW11    ROOM1              1.0
    FLOW12    COST               4.0   SERVE2             1.0
    FLOW12    ROOM1              1.0
    FLOW21    COST               3.0   SERVE1             1.0
    FLOW21    ROOM2              1.0
    FLOW22    COST               1.0   SERVE2             1.0
    FLOW22    ROOM2              1.0
    FLOW31    COST               1.0   SERVE1             1.0
    FLOW31    ROOM3              1.0
    FLOW32    COST               3.0   SERVE2             1.0
    FLOW32    ROOM3              1.0
RHS
    RHS       SERVE1             5.0   SERVE2             5.0
BOUNDS
 UP BND       OPEN1              1.0
 UP BND       OPEN2              1.0
 UP BND       OPEN3              1.0
ENDATA
