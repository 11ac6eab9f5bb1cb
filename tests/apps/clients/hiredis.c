// Redis by hiredis, which connects without blocking and asks connect() a second time whether it is done.
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char** arguments) {
  if (count < 2) return 2;
  const struct timeval limit = {5, 0};
  redisContext* redis = redisConnectWithTimeout("127.0.0.1", atoi(arguments[1]), limit);
  if (redis == NULL || redis->err != 0) {
    printf("%s\n", redis == NULL ? "no memory" : redis->errstr);
    return 1;
  }
  redisReply* reply = redisCommand(redis, "ECHO %s", "42");
  printf("%s\n", reply == NULL ? redis->errstr : reply->str);
  freeReplyObject(reply);
  redisFree(redis);
  return 0;
}
